"""Refiners by the name of what holds them."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from keras_sphere.models.refiner_files import load_refiner_file, refiner_of_preset
from keras_sphere.preset_files.refiner_file import REFINER_FILE
from keras_sphere.presets.sources import find
from keras_sphere.typing import PathLike

if TYPE_CHECKING:
    from keras_sphere.models.latent_refiner import LatentRefiner
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel


def load_refiner(place: PathLike, model: SphereEncoderModel) -> LatentRefiner:
    """Loads the refiner that a preset or a distillation has left.

    Args:
        place: String or path: a file `refiner.keras`, the folder of a distillation, or
            what `presets.load` takes.
        model: `SphereEncoderModel`, its teacher.

    Returns:
        `LatentRefiner`. That this model taught it is checked when it is used.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If there is no such preset, or it holds no refiner.
        CorruptFileError: If its file is damaged.
    """
    path = pathlib.Path(place)
    if path.suffix == ".keras" or (path / REFINER_FILE).is_file():
        return load_refiner_file(path)
    source = find(place)
    if source.config["refiner"] is None:
        raise ValueError(
            f"The preset {source.handle!r} holds no refiner: teach one by "
            f"`keras_sphere.training.distill`. Received: {str(place)!r}"
        )
    return refiner_of_preset(source, model.backbone)
