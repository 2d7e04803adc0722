"""What the tasks `evaluate` and `report` share: images, network, sampling flags."""

import pathlib

from keras_sphere import data
from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.model_source import ModelSource
from keras_sphere.command_line.progress import ProgressBar
from keras_sphere.evaluation import InceptionFeatures
from keras_sphere.evaluation.evaluate import resolve_network
from keras_sphere.metrics import Gaussian

_ONE_VALUE = ("guidance_position", "schedule", "shared_noise")


def check_output(settings):
    """The path of `--output`, which must not exist unless `--overwrite` is given."""
    path = pathlib.Path(settings["output"])
    if path.exists() and not settings["overwrite"]:
        raise FileExistsError(
            f"{path} exists; --overwrite replaces it. Received: output={path}"
        )
    return path


def find_network(settings):
    """The `FeatureNetwork` of `--network`."""
    name = settings["network"]
    if name == "inception" or name.endswith(".npz"):
        weights = None if name == "inception" else name
        return InceptionFeatures(weights, settings["resize"])
    return resolve_network(name)


def load_model(request):
    """The model, with the sampling that the flags ask for."""
    model = ModelSource(request.settings["preset"]).load()
    chosen = {name: request.settings[name] for name in _ONE_VALUE}
    model.sampling = model.sampling.override(**chosen)
    return model


def load_images(settings, split, image_size, num_channels):
    """Real images of a split, an `ImageDataset` in file order, or `None` for none."""
    if split == "none":
        return None
    return data.load(
        settings["data"],
        split,
        image_size=image_size,
        num_channels=num_channels,
        batch_size=settings["batch_size"],
        data_dir=settings["data_dir"],
        shuffle=False,
        drop_last=False,
    )


def load_reference(settings, image_size, num_channels):
    """Real images, or the statistics of a file."""
    if settings["data"].endswith(".npz"):
        return Gaussian.load(settings["data"])
    return load_images(settings, settings["split"], image_size, num_channels)


def load_held_out(settings, image_size, num_channels):
    """Held-out images, or `None`."""
    if settings["data"].endswith(".npz"):
        return None
    return load_images(settings, settings["held_out_split"], image_size, num_channels)


def sampling_arguments(settings):
    """Arguments of `evaluate` and `write_report` by the flags."""
    return {
        "steps": settings["steps"],
        "guidance_scales": settings["guidance_scale"],
        "num_images": settings["num_images"],
        "seed": settings["seed"] or 0,
        "batch_size": settings["batch_size"],
        "use_ema": settings["use_ema"],
        "cache_dir": settings["cache_dir"],
        "tick": Progress(),
    }


def check_one_source(settings):
    """A model or a folder of images must be given, not both."""
    if bool(settings["preset"]) == bool(settings["images"]):
        raise UsageError("Give --preset or --images, one of them.")


class Progress:
    """A bar for every set of images."""

    def __init__(self):
        self._bar = None

    def __call__(self, name, done, total):
        if self._bar is None:
            print(f"{name}:", flush=True)
            self._bar = ProgressBar(total)
        self._bar.add(done - self._bar.done)
        if done == total:
            self._bar.close()
            self._bar = None
