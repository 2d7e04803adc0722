"""What images are to every function: uint8, or finite floats in [-1, 1]."""

import sys
import warnings

import numpy as np

from keras_sphere.validation import as_array, dtype_name

# Slack for resampling overshoot; beyond it the images are not in [-1, 1] at all.
PIXEL_LIMIT = 1.5
# The same for noisy images that are only looked at; those in [0, 255] go further.
NOISY_LIMIT = 16.0
_OWN_PACKAGES = ("keras_sphere", "keras")


def check_image_type(images, image_size, num_channels, name="images"):
    """Checks the shape and dtype of images, which need not hold values yet.

    Args:
        images: Array or tensor.
        image_size: Integer. Expected height and width.
        num_channels: Integer. Expected colors.
        name: String. Name of the argument, for messages.

    Raises:
        ValueError: If the shape is not `(batch, image_size, image_size,
            num_channels)`, or the dtype neither uint8 nor a float.
    """
    expected = (image_size, image_size, num_channels)
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1:] != expected:
        raise ValueError(
            f"`{name}` must have the shape (batch, {image_size}, {image_size}, "
            f"{num_channels}): height, width, channels. Received: shape {shape}"
        )
    check_pixel_type(images, name)


def check_pixel_type(images, name="images"):
    """Raises a `ValueError` unless the dtype is uint8 or a float."""
    dtype = dtype_name(images.dtype)
    if dtype != "uint8" and not dtype.startswith(("float", "bfloat")):
        raise ValueError(
            f"`{name}` must be uint8 in [0, 255], or float in [-1, 1]. "
            f"Received: dtype {dtype}"
        )


def check_pixel_range(low, high, name="images", limit=PIXEL_LIMIT):
    """Raises a `ValueError` unless float pixels from `low` to `high` are in [-1, 1].

    Overshoot up to `limit`, 1.5 by default, is let through.
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(
            f"`{name}` must be finite. Received: images with NaN or infinite values"
        )
    if low < -limit or high > limit:
        raise ValueError(
            f"`{name}` of a float dtype must be in [-1, 1]. Rescale them, for example "
            "a dataset from `keras.utils.image_dataset_from_directory` with "
            "`dataset.map(lambda x, y: (x / 127.5 - 1.0, y))`, or pass uint8. "
            f"Received: values from {low:g} to {high:g}"
        )


def check_pixels(images, name="images", limit=PIXEL_LIMIT):
    """Checks pixels with their values; returns the smallest and the largest.

    Args:
        images: Array or tensor of any shape.
        name: String. Name of the argument, for messages.
        limit: Float. How far from 0 floats may be; more than the default for images
            that noise was added to.

    Returns:
        Pair of floats; `(-1.0, 1.0)` for uint8, which is always in range, and for
        nothing.

    Raises:
        ValueError: If they are neither uint8 nor finite floats in [-1, 1].
    """
    check_pixel_type(images, name)
    if dtype_name(images.dtype) == "uint8" or 0 in images.shape:
        return -1.0, 1.0
    images = as_array(name, images)
    low, high = float(np.min(images)), float(np.max(images))
    check_pixel_range(low, high, name, limit)
    return low, high


def check_images(images, image_size, num_channels, name="images", limit=PIXEL_LIMIT):
    """As `check_pixels`, for images of one size, of which there must be one at least.

    Args:
        images: Array or tensor.
        image_size: Integer. Expected height and width.
        num_channels: Integer. Expected colors.
        name: String. Name of the argument, for messages.
        limit: Float. See `check_pixels`.

    Returns:
        As `check_pixels`.
    """
    check_image_type(images, image_size, num_channels, name)
    if images.shape[0] == 0:
        raise ValueError(
            f"`{name}` must hold at least one image. "
            f"Received: shape {tuple(images.shape)}"
        )
    return check_pixels(images, name, limit)


def as_pixels(name, images, limit=PIXEL_LIMIT):
    """Pixels of any origin as a checked NumPy array; see `check_pixels`.

    There is no warning of values in [0, 1] only, as what a model made may be bright.
    """
    images = _as_image_array(name, images)
    check_pixels(images, name, limit)
    return images


def as_images(name, images, image_size=None, num_channels=None, limit=PIXEL_LIMIT):
    """Images that a user gives as a checked NumPy array, uint8 or float as given.

    Args:
        name: String. Name of the argument, for messages.
        images: Array, tensor or nested sequence.
        image_size: Integer. Expected height and width; `None` for any.
        num_channels: Integer. Expected colors; `None` for any.
        limit: Float. See `check_pixels`.

    Raises:
        ValueError: If they are not of the shape `(count, height, width, channels)`,
            or neither uint8 nor finite floats in [-1, 1].
    """
    images = _as_image_array(name, images)
    if image_size is None and (images.ndim != 4 or 0 in images.shape):
        raise ValueError(
            f"`{name}` must have the shape (count, height, width, channels), with at "
            f"least one image. Received: shape {images.shape}"
        )
    if image_size is None:
        low, _ = check_pixels(images, name, limit)
    else:
        low, _ = check_images(images, image_size, num_channels, name, limit)
    warn_of_unit_range(low)
    return images


def _as_image_array(name, images):
    if isinstance(images, np.ndarray):
        return np.asarray(images)
    return as_array(name, images)


def warn_of_unit_range(low):
    """Warns, at the user's line, if pixels from `low` on are taken for [-1, 1]."""
    if low < 0:
        return
    warnings.warn(
        "The images have no value below 0: float images should span [-1, 1]. "
        "If these are in [0, 1], rescale them by `2 * x - 1`.",
        stacklevel=2 + _depth_in_package(),
    )


def _depth_in_package():
    """How many of the calls that lead to the caller's are inside of packages."""
    depth, frame = 0, sys._getframe(2)
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if module.split(".")[0] not in _OWN_PACKAGES:
            return depth
        depth, frame = depth + 1, frame.f_back
    return depth
