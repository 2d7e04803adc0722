"""What the tasks `evaluate` and `report` share: images, network, sampling flags."""

import pathlib

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.job import check_sampling
from keras_sphere.command_line.model_source import ModelSource, new_description
from keras_sphere.command_line.output_file import check_place
from keras_sphere.command_line.progress import ProgressBar
from keras_sphere.data.checks import check_source
from keras_sphere.evaluation.inception_file import find_inception_weights
from keras_sphere.evaluation.needs import check_network, check_statistics
from keras_sphere.export.checks import find_files
from keras_sphere.export.metadata import read_metadata
from keras_sphere.metrics import Gaussian

_ONE_VALUE = ("guidance_position", "schedule", "shared_noise")


def is_statistics(settings):
    """Whether `--data` is a file of statistics, not of images."""
    return settings["data"].endswith(".npz")


def check_settings(settings, description=None):
    """Checks the flags of both tasks, without Keras.

    Args:
        settings: Dict of flag name -> value.
        description: `ModelDescription` of the model that is measured, if there is one.

    Returns:
        `Gaussian` if `--data` is a file of one, else `None`.
    """
    network = settings["network"]
    if _is_inception(network):
        find_inception_weights(None if network == "inception" else network)
    else:
        check_network(network)
    if description is not None:
        check_sampling(settings, description)
    if settings["cache_dir"]:
        check_place(pathlib.Path(settings["cache_dir"]) / "any", "cache_dir")
    if is_statistics(settings):
        gaussian = Gaussian.load(settings["data"])
        check_statistics(gaussian, "inception" if _is_inception(network) else network)
        return gaussian
    splits = [settings["split"], settings["held_out_split"]]
    for split in splits[: 1 if splits[1] == "none" else 2]:
        check_source(settings["data"], split, settings["data_dir"])
    return None


def find_network(settings):
    """The `FeatureNetwork` of `--network`."""
    from keras_sphere.evaluation import InceptionFeatures
    from keras_sphere.evaluation.evaluating import resolve_network

    name = settings["network"]
    if _is_inception(name):
        weights = None if name == "inception" else name
        return InceptionFeatures(weights, settings["resize"])
    return resolve_network(name)


def _is_inception(network):
    return network == "inception" or network.endswith(".npz")


def find_source(request):
    """The `ModelSource` of `--preset`, or the `OnnxSource` of `--onnx`."""
    if request.settings.get("onnx"):
        return OnnxSource(request.settings["onnx"])
    return ModelSource(request.settings["preset"])


class OnnxSource:
    """A folder of exported files.

    Args:
        folder: String.

    Attributes:
        description: `ModelDescription`.

    Raises:
        FileNotFoundError: If there is no decoder.
        ValueError: If a file is none of this package.
    """

    def __init__(self, folder):
        self._folder = folder
        known = read_metadata(find_files(folder)["decoder"])
        self.description = new_description(
            known["config"]["architecture"], known["sampling"], known["config"]["noise"]
        )

    def load(self):
        """The files as a model, `OnnxModel`."""
        from keras_sphere.export import load_onnx

        return load_onnx(self._folder)


def load_model(request, source):
    """The model, with the sampling that the flags ask for."""
    model = source.load()
    chosen = {name: request.settings[name] for name in _ONE_VALUE}
    model.sampling = model.sampling.override(**chosen)
    return model


def load_images(settings, split, image_size, num_channels):
    """Real images of a split, an `ImageDataset` in file order, or `None` for none."""
    from keras_sphere import data

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


def sampling_arguments(settings):
    """Arguments of `evaluate` and `write_report` by the flags."""
    return {
        "steps": settings["steps"],
        "guidance_scales": settings.get("guidance_scale"),
        "guidance_degrees": settings.get("guidance_degrees"),
        "num_images": settings["num_images"],
        "seed": settings["seed"] or 0,
        "batch_size": settings["batch_size"],
        "use_ema": settings["use_ema"],
        "cache_dir": settings["cache_dir"],
        "tick": Progress(),
    }


def check_one_source(settings):
    """A model, its exported files, or a folder of images must be given."""
    if sum(bool(settings[name]) for name in ("preset", "images", "onnx")) != 1:
        raise UsageError("Give --preset, --images or --onnx, one of them.")
    if settings["images"] and settings["image_size"] is None:
        raise UsageError("--images needs --image_size.")


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
