"""`train`: a model of images of one's own, or of a preset's."""

import functools

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.training_flags import training_options
from keras_sphere.data.named_sources import check_name_or_path


def prepare(request):
    """Trains, or goes on with a training."""
    settings = request.settings
    options = {field.name: settings[field.name] for field in training_options()}
    if settings["data"] is not None:
        if options["dataset"] is not None:
            raise UsageError(
                "The images are named once, by DATA or by --dataset. "
                f"Received: {settings['data']} and --dataset={options['dataset']}"
            )
        options["dataset"] = settings["data"]
    if options["dataset"] is not None:
        check_name_or_path(options["dataset"])
    return functools.partial(_train, options)


def _train(options):
    from keras_sphere.training import train

    train(**options)
