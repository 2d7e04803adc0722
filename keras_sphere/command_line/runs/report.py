"""Writes a page about a model, or of several runs side by side."""

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
from keras_sphere.evaluation.needs import check_plots, check_report
from keras_sphere.evaluation.run_comparison import RunComparison, read_runs

DEFAULT_STEPS = (1, 4)
SUFFIXES = (".html", ".htm")


def prepare(request):
    settings = request.settings
    if settings["run"]:
        return _prepare_comparison(settings)
    if is_statistics(settings) or settings["held_out_split"] == "none":
        raise UsageError("A report needs real images and held-out images, --data.")
    output = check_output(settings["output"], SUFFIXES, settings["overwrite"])
    source = find_source(request)
    check_settings(settings, source.description)
    check_report(source.description.image_size)
    return functools.partial(_finish, request, source, output)


def _prepare_comparison(settings):
    """Checks the folders of runs to compare, and reads them."""
    unused = [name for name in ("preset", "data") if settings[name] is not None]
    if unused:
        raise UsageError(
            "A report is of one model, by --preset and --data, or of the runs in "
            f"folders. Received: {' '.join(settings['run'])} and --{unused[0]}="
            f"{settings[unused[0]]}"
        )
    output = check_output(settings["output"], SUFFIXES, settings["overwrite"])
    comparison = RunComparison(read_runs(settings["run"]))
    if comparison.has_logs:
        check_plots()

    def finish():
        comparison.write(output)
        print(comparison)
        print(f"Wrote {output}")

    return finish


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
