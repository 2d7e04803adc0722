"""The model that `--preset` names, and what is known of it before it is loaded."""

import dataclasses
import json
import pathlib
import zipfile
from typing import Any

from keras_sphere import presets
from keras_sphere.files.integrity import check_present, sha256
from keras_sphere.presets.sources import find


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """What tasks check their flags against.

    Args:
        image_size: Integer.
        num_channels: Integer.
        num_classes: Integer; 0 for an unconditional model.
        latent_shape: Tuple of integers.
        sampling: Dict of the arguments of `SamplingOptions`, the model's defaults.
        class_names: Tuple of strings, or `None` where they are not known.
        keeps_average: Boolean. Whether there may be a moving average of the weights.
        max_angle_degrees: Float. The angle of noise of full strength.
        has_encoder: Boolean.
        has_refiner: Boolean. Whether it is a preset that holds one.
        condition_dim: Integer. Length of the vectors it is conditional on; 0 for none.
        embedder: String. Name of what makes them of texts, or `None`.
    """

    image_size: int
    num_channels: int
    num_classes: int
    latent_shape: tuple[int, ...]
    sampling: dict[str, Any]
    class_names: tuple[str, ...] | None = None
    keeps_average: bool = False
    max_angle_degrees: float = 90.0
    has_encoder: bool = True
    has_refiner: bool = False
    condition_dim: int = 0
    embedder: str | None = None


class ModelSource:
    """A preset or a `.keras` file, of which no weight is read before `load`.

    Args:
        handle: String: a preset's name, folder or `hf://user/repository`, the folder
            of a training run, or the path of a `.keras` file.
        expected_sha256: String. Checksum that the file with the weights must have,
            or `None`.

    Attributes:
        weights_sha256: String. Checksum of the file with the weights.
        description: `ModelDescription`.
        card: Dict of `name`, `description` and `license`: texts, or `None`.

    Raises:
        ValueError: If there is no such model, or it has no weights, or others
            than expected.
        CorruptFileError: If the file with the weights is missing.
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
            self.description = _describe_file(path)
            self.card = {"name": path.stem, "description": None, "license": None}
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
        if source.repository is None:
            check_present(source.folder / config["weights"]["file"])
        self.weights_sha256 = config["weights"]["sha256"]
        self._check(expected_sha256)
        self.card = {n: config.get(n) for n in ("name", "description", "license")}
        self.description = new_description(
            config["architecture"],
            config["sampling"],
            config["noise"],
            has_refiner=config["refiner"] is not None,
        )

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
            import keras

            from keras_sphere.models import SphereEncoderModel

            self._model = keras.saving.load_model(self.handle)
            if not isinstance(self._model, SphereEncoderModel):
                raise ValueError(
                    f"{self.handle} must hold a `SphereEncoderModel`. "
                    f"Received: {type(self._model).__name__}"
                )
        return self._model


def _describe_file(path):
    """The description of the model in a `.keras` file, which is an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))["config"]
        architecture = config["backbone"]["config"]
        return new_description(
            architecture, config["sampling"], config, keeps_average=True
        )
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must hold a `SphereEncoderModel` as Keras saves it. "
            f"Received: {type(error).__name__}: {error}"
        ) from error


def new_description(
    architecture, sampling, noise, keeps_average=False, has_refiner=False
):
    """The `ModelDescription` of what a configuration says.

    Args:
        architecture: Dict of the arguments of a backbone.
        sampling: Dict of sampling defaults.
        noise: Dict of the arguments of the noise of training.
        keeps_average: See `ModelDescription`.
        has_refiner: Likewise.
    """
    side = architecture["image_size"] // architecture["patch_size"]
    angles = ("max_angle_degrees", "loop_angle_degrees", "angle_degrees")
    full = [sampling[name] for name in angles if sampling.get(name) is not None]
    return ModelDescription(
        architecture["image_size"],
        architecture["num_channels"],
        architecture["num_classes"],
        (side * side, architecture["token_channels"]),
        sampling,
        architecture["class_names"] and tuple(architecture["class_names"]),
        keeps_average,
        full[0] if full else noise["max_angle_degrees"],
        architecture.get("has_encoder", True),
        has_refiner,
        architecture.get("condition_dim", 0),
        architecture.get("embedder"),
    )
