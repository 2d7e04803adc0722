"""Two images stitched along a line, and made one by the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sphere.choices import PATTERNS
from keras_sphere.editing.refinement import run_refinement
from keras_sphere.models.generation_inputs import read_images
from keras_sphere.typing import Array, ArrayLike, Labels
from keras_sphere.validation import as_array, check_choice, read_boolean, read_integer

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel


def crossover_mask(pattern: str, image_size: int) -> Array:
    """Where the first of two stitched images shows.

    Args:
        pattern: `"horizontal"`: its left half; `"vertical"`: its top half;
            `"diagonal"`: above the line from the top left to the bottom right;
            `"antidiagonal"`: above the line from the bottom left to the top right.
        image_size: Integer. Height and width.

    Returns:
        float32 array of shape `(image_size, image_size)`: 1 where the first image
        shows, 0 where the second one does, 0.5 on the middle line.
    """
    check_choice("pattern", pattern, PATTERNS)
    image_size = read_integer("image_size", image_size)
    row, column = np.mgrid[:image_size, :image_size]
    last = image_size - 1
    distance = {
        "horizontal": last - 2 * column,
        "vertical": last - 2 * row,
        "diagonal": column - row,
        "antidiagonal": last - row - column,
    }[pattern]
    return (0.5 + 0.5 * np.sign(distance)).astype("float32")


def crossover(
    model: SphereEncoderModel,
    first: ArrayLike,
    second: ArrayLike,
    pattern: str = "horizontal",
    swap: bool = False,
    mask: ArrayLike | None = None,
    labels: Labels | None = None,
    **options: Any,
) -> Array:
    """Stitches pairs of images and makes each pair one image.

    The stitched image goes through the loop of `refine`, by default with the null
    class.

    Args:
        model: `SphereEncoderModel`.
        first: Array of shape `(batch, height, width, channels)`, uint8 or float in
            [-1, 1].
        second: Array of the same shape.
        pattern: One of `"horizontal"` (left and right halves), `"vertical"` (top
            and bottom), `"diagonal"`, `"antidiagonal"`; see `crossover_mask`.
        swap: Boolean. Whether the two images change places.
        mask: Array of shape `(height, width)`, `(batch, height, width)` or with a
            last axis of 1, boolean or float in [0, 1], in place of a pattern: the
            share of the first image at each pixel.
        labels: As for `refine`; `None` is the null class.
        **options: Further arguments of `refine`: `steps`, `strength`, `schedule`,
            `shared_noise`, `return_steps`, ...

    Returns:
        As `refine`; see `stitch` for the images before the loop.

    Raises:
        ValueError: If the images or the mask do not fit, or an argument is out of
            range.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), image crossover.

    Example:

    >>> first, second = images[:4], images[4:8]
    >>> mixed = keras_sphere.editing.crossover(model, first, second, "diagonal")
    """
    if mask is None:
        mask = crossover_mask(pattern, model.backbone.image_size)
    images = stitch(model, first, second, mask, swap)
    return run_refinement(model, images, labels, **options)


def stitch(
    model: SphereEncoderModel,
    first: ArrayLike,
    second: ArrayLike,
    mask: ArrayLike,
    swap: bool = False,
) -> Array:
    """`mask first + (1 - mask) second`, in [-1, 1]; see `crossover`."""
    first = read_images(model.backbone, first, "first")
    second = read_images(model.backbone, second, "second")
    if first.shape != second.shape:
        raise ValueError(
            "`first` and `second` must hold equally many images. "
            f"Received: {len(first)} and {len(second)} images"
        )
    if read_boolean("swap", swap):
        first, second = second, first
    mask = read_mask(mask, first.shape)
    return mask * first + (1.0 - mask) * second


def read_mask(mask, image_shape):
    """A checked mask as floats that broadcast to `(batch, height, width, channels)`.

    Args:
        mask: Array of shape `(height, width)`, `(batch, height, width)` or `(batch,
            height, width, 1)`, boolean or numbers in [0, 1].
        image_shape: Tuple. Shape of the images.
    """
    mask = as_array("mask", mask)
    expected, given = tuple(image_shape[:3]), mask.shape
    if mask.ndim == 4 and given[-1] == 1:
        mask = mask[..., 0]
    if mask.ndim == 2:
        mask = mask[None]
    if mask.shape not in (expected, (1, *expected[1:])):
        raise ValueError(
            f"`mask` must have the shape {expected[1:]}, or {expected} for one per "
            f"image. Received: shape {given}"
        )
    if mask.dtype.kind not in "biuf" or not np.all((mask >= 0) & (mask <= 1)):
        raise ValueError(
            "`mask` must be boolean, or numbers in [0, 1]. Received: dtype "
            f"{mask.dtype}, values from {mask.min()} to {mask.max()}"
        )
    return mask[..., None].astype("float32")
