"""The model that `--preset` names, and what is known of it before it is loaded."""

import dataclasses
import pathlib

import keras

from keras_sphere import presets
from keras_sphere.files.integrity import sha256
from keras_sphere.models import SphereEncoderModel
from keras_sphere.presets.sources import find
from keras_sphere.sampling import SamplingOptions


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """What tasks check their flags against.

    Args:
        image_size: Integer.
        num_channels: Integer.
        num_classes: Integer; 0 for an unconditional model.
        latent_shape: Tuple of integers.
        sampling: `SamplingOptions`, the model's defaults.
        class_names: Tuple of strings, or `None` where they are not known.
    """

    image_size: int
    num_channels: int
    num_classes: int
    latent_shape: tuple
    sampling: SamplingOptions
    class_names: tuple | None = None


class ModelSource:
    """A preset or a `.keras` file.

    Args:
        handle: String: a preset's name, folder or `hf://user/repository`, the folder
            of a training run, or the path of a `.keras` file.
        expected_sha256: String. Checksum that the file with the weights must have,
            or `None`.

    Attributes:
        weights_sha256: String. Checksum of the file with the weights.
        description: `ModelDescription`.

    Raises:
        ValueError: If there is no such model, or it has no weights, or others
            than expected.
    """

    def __init__(self, handle, expected_sha256=None):
        self.handle = handle
        self._model = None
        path = pathlib.Path(handle)
        self._is_file = path.suffix == ".keras"
        if self._is_file:
            if not path.is_file():
                raise FileNotFoundError(f"There is no such model. Received: {handle}")
            self.weights_sha256 = sha256(path)
            self._check(expected_sha256)
            self.description = _describe_model(self.load())
            return
        source = find(handle)
        # A run that is being trained has another newest preset a moment later.
        self._place = handle if source.repository else source.folder
        config = source.config
        if config["weights"] is None:
            raise ValueError(
                f"The preset {handle!r} has no weights: train it, or convert a "
                f"checkpoint with `keras_sphere.convert`. Received: preset={handle!r}"
            )
        self.weights_sha256 = config["weights"]["sha256"]
        self._check(expected_sha256)
        self.description = _describe_config(config)

    def _check(self, expected):
        if expected is not None and self.weights_sha256 != expected:
            raise ValueError(
                f"The weights of {self.handle!r} are not those that made the picture; "
                f"--preset names another place. Expected the SHA-256 {expected}. "
                f"Received: {self.weights_sha256}"
            )

    def load(self):
        """The model, `SphereEncoderModel`."""
        if not self._is_file:
            return presets.load(self._place, weights=True)
        if self._model is None:
            self._model = keras.saving.load_model(self.handle)
            if not isinstance(self._model, SphereEncoderModel):
                raise ValueError(
                    f"{self.handle} must hold a `SphereEncoderModel`. "
                    f"Received: {type(self._model).__name__}"
                )
        return self._model


def _describe_config(config):
    architecture = config["architecture"]
    side = architecture["image_size"] // architecture["patch_size"]
    return ModelDescription(
        architecture["image_size"],
        architecture["num_channels"],
        architecture["num_classes"],
        (side * side, architecture["token_channels"]),
        SamplingOptions(**config["sampling"]),
        architecture["class_names"] and tuple(architecture["class_names"]),
    )


def _describe_model(model):
    backbone = model.backbone
    return ModelDescription(
        backbone.image_size,
        backbone.num_channels,
        backbone.num_classes,
        tuple(backbone.latent_shape),
        model.sampling,
        backbone.class_names,
    )
