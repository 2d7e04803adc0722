"""Resizing and cropping to a square."""

import numpy as np

from keras_sphere.optional_imports import import_optional

RESIZE_METHODS = ("nearest", "bilinear", "bicubic", "lanczos")
CROPS = ("center", "random")
LARGEST_NEAREST_SIZE = 64  # larger images are resized by bicubic interpolation


def default_resize(image_size):
    """The paper's method: nearest up to 64 pixels, bicubic above."""
    return "nearest" if image_size <= LARGEST_NEAREST_SIZE else "bicubic"


def fit_image(image, image_size, resize, offset=0.5):
    """Scales the shorter side to `image_size` and cuts out a square.

    Both in one resampling, antialiased unless `resize` is `"nearest"`: only pixels
    inside the square are read.

    Args:
        image: `PIL.Image.Image`.
        image_size: Integer. Height and width of the result.
        resize: One of `RESIZE_METHODS`.
        offset: Float in [0, 1]. Where the square lies along the longer side; 0.5 is
            its center.

    Returns:
        `PIL.Image.Image` of `image_size` x `image_size` pixels.
    """
    pillow = import_optional("PIL.Image", "Resizing images")
    side = min(image.size)
    left, top = (round((length - side) * offset) for length in image.size)
    if image.size == (image_size, image_size):
        return image
    method = pillow.Resampling[resize.upper()]
    box = (left, top, left + side, top + side)
    return image.resize((image_size, image_size), method, box=box)


def to_channels(image, num_channels):
    """A PIL image as a uint8 array of shape `(height, width, num_channels)`."""
    mode = "L" if num_channels == 1 else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    return np.asarray(image).reshape(image.height, image.width, num_channels)
