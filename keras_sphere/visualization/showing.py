"""Images to look at at once: inline in a notebook, else as a file."""

import itertools
import pathlib

import numpy as np

from keras_sphere.notebooks import in_notebook
from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import ArrayLike
from keras_sphere.validation import if_given, read_integer
from keras_sphere.visualization.image_grid import (
    PACKAGE,
    image_grid,
    save_image,
    to_uint8,
)
from keras_sphere.visualization.image_text import as_pillow_image

LARGE_ENOUGH = 64  # pixels; smaller images are enlarged
FILE = "images"


def show(images: ArrayLike, columns: int | None = None) -> None:
    """Shows images as one picture: inline in a notebook, else in a file.

    The file is `images.png` in the working folder, or `images-2.png` and so on where
    that is there, and its name is printed. Images below 64 px are enlarged, pixel by
    pixel.

    Args:
        images: Array of shape `(batch, height, width, channels)`, or one image without
            the first axis; 1 or 3 channels, uint8 or float in [-1, 1].
        columns: Integer or `None`. Images per row; see `image_grid`.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If the shape or the values are not as above.

    Example:

    >>> keras_sphere.visualization.show(model.generate(num_images=16))
    """
    pillow = import_optional(*PACKAGE)
    columns = if_given(read_integer, "columns", columns)
    images = to_uint8(images)
    images = images[None] if images.ndim == 3 else images
    if images.ndim == 4:
        images = _enlarged(images)
    grid = image_grid(images, columns)
    if in_notebook():
        display = import_optional("IPython.display", "Pictures in a notebook")
        display.display(as_pillow_image(pillow, grid))
        return
    path = _new_path()
    save_image(path, grid)
    print(f"Wrote {path}")


def _enlarged(images):
    side = max(1, *images.shape[1:3])
    factor = -(-LARGE_ENOUGH // side)
    return np.repeat(np.repeat(images, factor, axis=1), factor, axis=2)


def _new_path():
    """The first name that no file has."""
    names = (f"{FILE}.png" if n == 1 else f"{FILE}-{n}.png" for n in itertools.count(1))
    return next(path for path in map(pathlib.Path, names) if not path.exists())
