"""`train`: a model of images of one's own, or of a preset's."""

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.training_flags import training_options
from keras_sphere.training import train


def run(request):
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
    train(**options)
