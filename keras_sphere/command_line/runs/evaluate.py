"""Measures a model, or a folder of images."""

import functools
import sys

from keras_sphere.command_line.evaluation import (
    check_one_source,
    check_settings,
    find_network,
    find_source,
    load_images,
    load_model,
    sampling_arguments,
)
from keras_sphere.command_line.output_file import check_folder
from keras_sphere.command_line.refiner_flag import check_refiner, load_refiner
from keras_sphere.data.checks import check_source
from keras_sphere.evaluation import Evaluation
from keras_sphere.evaluation.needs import (
    DEFAULT_METRICS,
    check_metrics,
    check_patience,
    check_plots,
)


def prepare(request):
    settings = request.settings
    check_one_source(settings)
    output = check_folder(settings["output"], settings["overwrite"])
    if not settings["preset"]:
        check_refiner(settings["refiner"], None)
    source = None if settings["images"] else find_source(request)
    gaussian = check_settings(settings, source and source.description)
    check_refiner(settings["refiner"], source)
    metrics = check_metrics(
        settings["metrics"] or DEFAULT_METRICS,
        has_images=gaussian is None,
        model_size=source and source.description.image_size,
    )
    check_patience(settings["stop_when_worse"], metrics)
    if source is None:
        check_source(settings["images"])
    elif "frechet" in metrics:
        check_plots()
    earlier = [Evaluation.load(folder) for folder in settings["join"]]
    return functools.partial(
        _finish, request, source, gaussian, metrics, earlier, output
    )


def _finish(request, source, gaussian, metrics, earlier, output):
    from keras_sphere.evaluation import evaluate

    settings, images, held_out = request.settings, gaussian, None
    network = find_network(settings)
    refiner = None
    if source is None:
        measured, shape = settings["images"], (settings["image_size"], 3)
    else:
        measured = load_model(request, source)
        refiner = load_refiner(settings["refiner"], measured)
        shape = source.description.image_size, source.description.num_channels
    if gaussian is None:
        images = load_images(settings, settings["split"], *shape)
        held_out = load_images(settings, settings["held_out_split"], *shape)
    measure = functools.partial(
        evaluate,
        measured,
        images,
        metrics=metrics,
        network=network,
        held_out=held_out,
        image_size=shape[0],
        refiner=refiner,
        seeds=settings["seeds"],
        stop_when_worse=settings["stop_when_worse"],
        **sampling_arguments(settings),
    )
    result = _kept(measure, output)
    result.save(output)  # also where the earlier ones do not compare
    for other in earlier:
        result = result.join(other, settings["allow_incomparable"])
    if earlier:
        result.save(output)
    print(result)
    print(f"Wrote {output}")


def _kept(measure, output):
    """The evaluation; an interrupt writes what was measured of it before."""
    so_far = []
    try:
        return measure(tell=so_far.append)
    except KeyboardInterrupt:
        if so_far:
            so_far[-1].save(output)
            print(f"\n{so_far[-1]}\nWrote what was measured: {output}", file=sys.stderr)
        raise
