"""Refiners on the disk: files of their own, and beside the weights of a preset."""

import pathlib

import keras

from keras_sphere.models.latent_refiner import LatentRefiner, arguments_of
from keras_sphere.models.limits import MOST_PARAMETERS
from keras_sphere.models.refiner_checks import check_kind
from keras_sphere.models.teacher_fingerprint import teacher_fingerprint
from keras_sphere.preset_files.recipe import logger
from keras_sphere.preset_files.refiner_file import REFINER_FILE

_ENTRIES = ("hidden_dim", "num_layers", "num_heads")
_OF_TEACHING = ("condition_range", "guidance_position", "teacher")


def own_refiner(model, weights):
    """The refiner of a model if these weights taught it, or `None`.

    Args:
        model: `SphereEncoderModel`.
        weights: List of tensors, as they are to be saved.
    """
    refiner = model.refiner
    if refiner is None or refiner.teacher == teacher_fingerprint(
        model.backbone, weights
    ):
        return refiner
    logger.warning(
        "The refiner is left out of the preset: other weights of this model taught it. "
        "Teach one by `keras_sphere.training.distill`."
    )
    return None


def refiner_entry(refiner):
    """What a preset's configuration says of a refiner, but for its file."""
    config = refiner.get_config()
    entry = {name: config[name] for name in (*_ENTRIES, *_OF_TEACHING)}
    return {"parameters": refiner.count_params(), **entry}


def refiner_of_preset(source, backbone):
    """The refiner that a preset holds.

    Args:
        source: `PresetSource` whose configuration has one.
        backbone: `SphereEncoderBackbone` of its architecture.

    Returns:
        `LatentRefiner`.

    Raises:
        ValueError: If the weights are not of the size beside them.
        CorruptFileError: If the file is missing or damaged.
    """
    entry = source.config["refiner"]
    stated = min(entry["parameters"], MOST_PARAMETERS)
    fewest = 12 * entry["num_layers"] * entry["hidden_dim"] ** 2
    path = source.refiner_weights()
    given = {name: entry[name] for name in (*_ENTRIES, *_OF_TEACHING)}
    refiner = None
    if fewest <= stated:
        refiner = LatentRefiner(**{**arguments_of(backbone), **given})
    if refiner is None or refiner.count_params() != entry["parameters"]:
        raise ValueError(
            f"The refiner of {source.handle!r} must have the {entry['parameters']:,} "
            f"parameters that its configuration states. Received: {given}"
        )
    refiner.load_weights(path)
    return refiner


def load_refiner_file(path):
    """The refiner in a `.keras` file.

    Args:
        path: Path of the file, or of the folder of a distillation.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file holds something else.
    """
    path = pathlib.Path(path)
    path = path / REFINER_FILE if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(
            "A refiner is a file, refiner.keras, or in a preset; a distillation writes "
            f"it at its end. Received: {path}"
        )
    return check_kind(keras.saving.load_model(path))
