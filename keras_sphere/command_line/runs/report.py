"""Writes a page about a model."""

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.evaluation import (
    check_output,
    find_network,
    load_held_out,
    load_model,
    load_reference,
    sampling_arguments,
)
from keras_sphere.evaluation import write_report

DEFAULT_STEPS = (1, 4)


def run(request):
    settings = request.settings
    if settings["data"].endswith(".npz") or settings["held_out_split"] == "none":
        raise UsageError("A report needs real images and held-out images, --data.")
    output = check_output(settings)
    network = find_network(settings)
    model = load_model(request)
    shape = model.backbone.image_size, model.backbone.num_channels
    arguments = sampling_arguments(settings)
    arguments["steps"] = arguments["steps"] or DEFAULT_STEPS
    result = write_report(
        model,
        load_reference(settings, *shape),
        load_held_out(settings, *shape),
        output,
        title=str(settings["preset"]),
        network=network,
        **arguments,
    )
    print(result)
    print(f"Wrote {output}")
