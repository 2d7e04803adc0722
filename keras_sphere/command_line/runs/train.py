"""`train`: a model of images of one's own, or of a preset's."""

import functools

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.training_flags import training_options
from keras_sphere.data.checks import check_source
from keras_sphere.data.named_sources import is_name
from keras_sphere.data.recipe_datasets import dataset_of
from keras_sphere.data.splits import parse_split
from keras_sphere.data.vectors import check_vectors
from keras_sphere.optional_imports import check_installed
from keras_sphere.presets.sources import HUB, find
from keras_sphere.readable import read_duration


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
    for name in ("preset", "init_from"):
        if options[name] is not None and not options[name].startswith(HUB):
            find(options[name])
    dataset = dataset_of(options["preset"], options["dataset"])
    if options["continue_for"] is not None:
        read_duration("continue_for", options["continue_for"])
    check_vectors(options["embeddings"], options["captions"], options["embed"])
    if not options["dry_run"]:
        _check_data(dataset, options)
        _check_packages(dataset, options)
    return functools.partial(_train, options)


def _check_data(dataset, options):
    """What can be downloaded need not be here: plans are refused before that."""
    parse_split(options["split"])
    if not is_name(dataset):
        check_source(dataset, options["split"], options["data_dir"])


def _check_packages(dataset, options):
    """What the end of a training needs must be here at its start."""
    if not is_name(dataset) or options["augment"] is not None:
        check_installed("grain", "Reading images ahead", "train")
    if options["log_images_every"] != 0:
        check_installed("matplotlib", "Pictures of a training", "train")
        if options["memorization_alarm"]:
            check_installed("scipy", "The memorization alarm", "train")
    if options["tensorboard"]:
        check_installed("tensorboardX", "--tensorboard", "train")


def _train(options):
    from keras_sphere.training import train

    train(**options)
