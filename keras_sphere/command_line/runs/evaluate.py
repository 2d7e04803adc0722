"""Measures a model, or a folder of images."""

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.evaluation import (
    check_one_source,
    check_output,
    find_network,
    load_held_out,
    load_model,
    load_reference,
    sampling_arguments,
)
from keras_sphere.evaluation import DEFAULT_METRICS, Evaluation, evaluate
from keras_sphere.evaluation.evaluate import check_metrics


def run(request):
    settings = request.settings
    check_one_source(settings)
    output = check_output(settings)
    metrics = check_metrics(settings["metrics"] or DEFAULT_METRICS)
    earlier = [Evaluation.load(folder) for folder in settings["join"]]
    network = find_network(settings)
    if settings["preset"]:
        source = load_model(request)
        shape = source.backbone.image_size, source.backbone.num_channels
    else:
        source = settings["images"]
        if settings["image_size"] is None:
            raise UsageError("--images needs --image_size.")
        shape = settings["image_size"], 3
    result = evaluate(
        source,
        load_reference(settings, *shape),
        metrics=metrics,
        network=network,
        held_out=load_held_out(settings, *shape),
        image_size=shape[0],
        **sampling_arguments(settings),
    )
    for other in earlier:
        result = result.join(other, settings["allow_incomparable"])
    result.save(output)
    print(result)
    print(f"Wrote {output}")
