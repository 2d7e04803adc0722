"""The class of an image of which only a part is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sphere.editing.restoration import (
    INPAINT_STRENGTHS,
    mean_of_known,
    read_known,
    run_restoration,
)
from keras_sphere.models.generation_inputs import read_seed
from keras_sphere.typing import Array, ArrayLike

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel


def guess_labels(
    model: SphereEncoderModel,
    images: ArrayLike,
    mask: ArrayLike,
    strengths: Sequence[float] = INPAINT_STRENGTHS,
    num_samples: int = 1,
    seed: int | None = None,
    **options: Any,
) -> Array:
    """Guesses classes: those under which the model explains the known pixels best.

    Every class is tried on all images, as `inpaint` would. What the model makes of an
    image is compared with its known pixels before they are put back: the class with
    the smallest squared error, over all rounds, is taken. It takes as long as
    `num_classes` calls of `inpaint`.

    Args:
        model: `SphereEncoderModel` with classes.
        images, mask, strengths, num_samples, seed, **options: As for `inpaint`.

    Returns:
        int32 array of shape `(batch,)`.

    Raises:
        ValueError: If the model has no classes, or as `inpaint`.

    Example:

    >>> labels = keras_sphere.editing.guess_labels(model, images, mask)
    >>> filled = keras_sphere.editing.inpaint(model, images, mask, labels)
    """
    num_classes = model.backbone.num_classes
    if not num_classes:
        raise ValueError(
            "Classes can be guessed by a class-conditional model only. "
            "Received: a model with num_classes=0"
        )
    images, known = read_known(model, images, mask)
    guess, seed = np.where(known, images, mean_of_known(images, known)), read_seed(seed)

    def error_of(label):
        errors = []

        def data_step(x):
            samples = x.reshape(-1, *images.shape)
            difference = np.where(known, samples - images, 0.0)
            errors.append(np.mean(np.square(difference), axis=(0, 2, 3, 4)))
            return np.where(known, images, samples).reshape(x.shape)

        labels = np.full(len(images), label, "int32")
        run_restoration(
            model, guess, data_step, labels, strengths, num_samples, seed, **options
        )
        return np.mean(errors, axis=0)

    errors = [error_of(label) for label in range(num_classes)]
    return np.argmin(errors, axis=0).astype("int32")
