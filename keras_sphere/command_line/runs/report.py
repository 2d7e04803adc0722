"""Writes a page about a model."""

import functools

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.evaluation import (
    check_settings,
    find_network,
    find_source,
    is_statistics,
    load_images,
    load_model,
    sampling_arguments,
)
from keras_sphere.command_line.output_file import check_output
from keras_sphere.evaluation.needs import check_report

DEFAULT_STEPS = (1, 4)
SUFFIXES = (".html", ".htm")


def prepare(request):
    settings = request.settings
    if is_statistics(settings) or settings["held_out_split"] == "none":
        raise UsageError("A report needs real images and held-out images, --data.")
    output = check_output(settings["output"], SUFFIXES, settings["overwrite"])
    source = find_source(request)
    check_settings(settings, source.description)
    check_report(source.description.image_size)
    return functools.partial(_finish, request, source, output)


def _finish(request, source, output):
    from keras_sphere.evaluation import write_report

    settings = request.settings
    network = find_network(settings)
    model = load_model(request, source)
    shape = source.description.image_size, source.description.num_channels
    arguments = sampling_arguments(settings)
    arguments["steps"] = arguments["steps"] or DEFAULT_STEPS
    result = write_report(
        model,
        load_images(settings, settings["split"], *shape),
        load_images(settings, settings["held_out_split"], *shape),
        output,
        title=str(settings["preset"]),
        network=network,
        **arguments,
    )
    print(result)
    print(f"Wrote {output}")
