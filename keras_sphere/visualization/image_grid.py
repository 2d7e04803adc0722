"""Grids of images as arrays, and their files."""

import math
import pathlib
from collections.abc import Mapping

import numpy as np

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.image_validation import NOISY_LIMIT, as_pixels
from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import Array, ArrayLike, PathLike
from keras_sphere.validation import if_given, read_integer
from keras_sphere.visualization.image_text import as_pillow_image, text_arguments

PACKAGE = ("PIL.Image", "Writing pictures")
PADDING = 1
BACKGROUND = 255
MOST_COLUMNS = 8  # by default


def to_uint8(images, name="images"):
    """Converts images in [-1, 1] to uint8; leaves uint8 as it is.

    There is no warning of values in [0, 1]: what a model made may be bright.

    Raises:
        ValueError: If they are neither uint8 nor finite floats, or further out than
            noise on images in [-1, 1], at 16.
    """
    images = as_pixels(name, images, NOISY_LIMIT)
    if images.dtype == np.uint8:
        return images
    floats = images.astype("float64")
    return np.rint((np.clip(floats, -1.0, 1.0) + 1.0) * 127.5).astype("uint8")


def image_grid(images: ArrayLike, columns: int | None = None) -> Array:
    """Lays out images in rows, on white, one pixel apart.

    Args:
        images: Array of shape `(batch, height, width, channels)`, 1 or 3 channels,
            uint8 or float in [-1, 1]; noise beyond is clipped.
        columns: Integer or `None`. Images per row; the last row may be shorter.
            `None` makes a square of few images, and rows of 8 of many.

    Returns:
        uint8 array of shape `(grid_height, grid_width, channels)`, which `save_image`
        takes as it is. Pillow takes grey images without the last axis: `grid[..., 0]`.

    Raises:
        ValueError: If the shape or the values are not as above, there is no image, or
            `columns` is not an integer of at least 1.

    Example:

    >>> grid = image_grid(model.generate(num_images=16), columns=4)
    >>> save_image("samples.png", grid)
    """
    columns = if_given(read_integer, "columns", columns)
    images = to_uint8(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.size == 0:
        raise ValueError(
            "`images` must have the shape (batch, height, width, channels), with 1 "
            f"or 3 channels and at least 1 image. Received: shape {images.shape}"
        )
    batch, height, width, channels = images.shape
    columns = min(columns or _columns_of(batch), batch)
    rows = -(-batch // columns)
    step_y, step_x = height + PADDING, width + PADDING
    shape = (rows * step_y + PADDING, columns * step_x + PADDING, channels)
    grid = np.full(shape, BACKGROUND, dtype="uint8")
    for index, image in enumerate(images):
        top = PADDING + index // columns * step_y
        left = PADDING + index % columns * step_x
        grid[top : top + height, left : left + width] = image
    return grid


def _columns_of(count):
    """A square for few images, at most `MOST_COLUMNS`."""
    return min(math.ceil(math.sqrt(count)), MOST_COLUMNS)


def save_image(
    path: PathLike, array: ArrayLike, text: Mapping[str, str] | None = None
) -> None:
    """Writes one image, under a temporary name until it is complete.

    Args:
        path: String or path. The suffix chooses the format, such as `.png`.
        array: Array of shape `(height, width)` or `(height, width, channels)` with
            1 or 3 channels, uint8 or float in [-1, 1].
        text: Dict of strings to store in the file, which must be a PNG or GIF, or
            `None`. `read_image_text` gives them back.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If the shape or the values are not as above.
    """
    path, array = pathlib.Path(path), to_uint8(array, "array")
    channels = array.shape[2:] or (1,)
    if array.ndim not in (2, 3) or channels not in ((1,), (3,)) or array.size == 0:
        raise ValueError(
            "`array` must have the shape (height, width), or (height, width, "
            f"channels) with 1 or 3 channels. Received: shape {array.shape}"
        )
    pillow = import_optional(*PACKAGE)
    image, arguments = as_pillow_image(pillow, array), text_arguments(path, text)
    with replace_when_done(path) as temporary:
        image.save(temporary, **arguments)
