"""All numbers of a distillation, and the draws that follow from them."""

import dataclasses
import hashlib
from typing import Any

import numpy as np

from keras_sphere.models.latent_map import default_angles
from keras_sphere.training.distillation_draws import DistillationDraws


@dataclasses.dataclass(frozen=True)
class DistillationPlan:
    """What `plan.json` holds.

    Args:
        refiner: Dict. The refiner's configuration, with the checksum of its teacher.
        epochs: Integer.
        steps_per_epoch: Integer.
        batch_size: Integer. Loops per step.
        chain: Integer. Points per loop.
        learning_rate: Float.
        values: Pair of floats. The guidance scales, or the angles in degrees.
        shared_noise: Boolean. Whether all moves of a loop take one noise.
        largest_strength: Float. Of noise that is added; 0 where it is a rotation.
        images: String. Checksum of the images and of the labels given, or `None`.
        seed: Integer.
    """

    refiner: dict[str, Any]
    epochs: int
    steps_per_epoch: int
    batch_size: int
    chain: int
    learning_rate: float
    values: tuple[float, float]
    shared_noise: bool
    largest_strength: float
    images: str | None
    seed: int


def new_plan(refiner, draws, epochs, learning_rate):
    """The plan of a distillation whose draws are known."""
    config = refiner.get_config()
    config.pop("name")
    return DistillationPlan(
        refiner=config,
        epochs=epochs,
        steps_per_epoch=draws.steps_per_epoch,
        batch_size=draws.batch_size,
        chain=draws.chain,
        learning_rate=learning_rate,
        values=draws.values,
        shared_noise=draws.shared_noise,
        largest_strength=draws.largest,
        images=_checksum(draws.images, draws.labels),
        seed=draws.seed,
    )


def _checksum(images, labels):
    if images is None and labels is None:
        return None
    digest = hashlib.sha256(b"" if images is None else np.ascontiguousarray(images))
    if labels is not None:
        digest.update(np.ascontiguousarray(labels))
    return digest.hexdigest()


def new_draws(model, refiner, **given):
    """What a refiner of a model is taught on.

    Args:
        model: `SphereEncoderModel`.
        refiner: `LatentRefiner`.
        **given: The other arguments of `DistillationDraws`.

    Returns:
        `DistillationDraws`.
    """
    backbone, sampling = model.backbone, model.sampling
    motion = backbone.architecture["motion"]
    trained = model.noise_schedule.max_angle_degrees
    if motion == "rotation":
        values, largest = refiner.condition_range, 0.0
        values = default_angles(sampling, trained) if values is None else values
    else:
        values = refiner.condition_range or (1.0, 1.0)
        largest = sampling.sigma(trained)
    return DistillationDraws(
        latent_shape=backbone.latent_shape,
        num_classes=backbone.num_classes,
        null_row=backbone.condition_rows.null() if backbone.condition_dim else None,
        motion=motion,
        values=values,
        largest=largest,
        shared_noise=sampling.shared_noise,
        **given,
    )
