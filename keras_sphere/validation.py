"""Checks of arguments and data, made before any work: what was expected, what came."""

import numbers

import keras
import numpy as np

# Slack for resampling overshoot; beyond it the images are not in [-1, 1] at all.
PIXEL_LIMIT = 1.5


def check_positive_integer(name, value):
    """Raises a `ValueError` unless `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(
            f"`{name}` must be an integer of at least 1. Received: {name}={value!r}"
        )


def check_choice(name, value, choices):
    """Raises a `ValueError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {list(choices)}. Received: {name}={value!r}"
        )


def check_angle_degrees(name, value):
    """Raises a `ValueError` unless `value` is a number in (0, 90)."""
    if not isinstance(value, numbers.Real) or not 0.0 < value < 90.0:
        raise ValueError(
            f"`{name}` must be an angle in degrees in (0, 90), both ends excluded. "
            f"Received: {name}={value!r}"
        )


def check_share(name, value):
    """Raises a `ValueError` unless `value` is a number in [0, 1]."""
    if not isinstance(value, numbers.Real) or not 0.0 <= value <= 1.0:
        raise ValueError(
            f"`{name}` must be a number in [0, 1]. Received: {name}={value!r}"
        )


def check_image_type(images, image_size, num_channels):
    """Checks the shape and dtype of images, which need not hold values yet.

    Args:
        images: Array or tensor.
        image_size: Integer. Expected height and width.
        num_channels: Integer. Expected colors.

    Raises:
        ValueError: If the shape is not `(batch, image_size, image_size,
            num_channels)`, or the dtype neither uint8 nor a float.
    """
    expected = (image_size, image_size, num_channels)
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1:] != expected:
        raise ValueError(
            f"`images` must have the shape (batch, {image_size}, {image_size}, "
            f"{num_channels}): height, width, channels. Received: shape {shape}"
        )
    dtype = keras.backend.standardize_dtype(images.dtype)
    if dtype != "uint8" and not dtype.startswith(("float", "bfloat")):
        raise ValueError(
            "`images` must be uint8 in [0, 255], or float in [-1, 1]. "
            f"Received: dtype {dtype}"
        )


def check_pixel_range(low, high):
    """Raises a `ValueError` unless float pixels from `low` to `high` are in [-1, 1].

    Overshoot up to 1.5 is let through.
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(
            "`images` must be finite. Received: images with NaN or infinite values"
        )
    if low < -PIXEL_LIMIT or high > PIXEL_LIMIT:
        raise ValueError(
            "`images` of a float dtype must be in [-1, 1]. Rescale them, for example "
            "a dataset from `keras.utils.image_dataset_from_directory` with "
            "`dataset.map(lambda x, y: (x / 127.5 - 1.0, y))`, or pass uint8. "
            f"Received: values from {low:g} to {high:g}"
        )


def check_images(images, image_size, num_channels):
    """Checks images with their values; returns their smallest and largest value.

    Args:
        images: NumPy array, or anything `numpy.asarray` takes.
        image_size: Integer. Expected height and width.
        num_channels: Integer. Expected colors.

    Returns:
        Pair of floats; `(-1.0, 1.0)` for uint8 images, which are always in range.

    Raises:
        ValueError: If shape, dtype or values are not as `check_image_type` and
            `check_pixel_range` ask.
    """
    check_image_type(images, image_size, num_channels)
    if images.shape[0] == 0:
        raise ValueError(
            "`images` must hold at least one image. "
            f"Received: shape {tuple(images.shape)}"
        )
    if keras.backend.standardize_dtype(images.dtype) == "uint8":
        return -1.0, 1.0
    images = np.asarray(keras.ops.convert_to_numpy(images))
    low, high = float(np.min(images)), float(np.max(images))
    check_pixel_range(low, high)
    return low, high


def check_label_type(labels, num_images=None):
    """Checks the shape and dtype of labels, which need not hold values yet.

    Args:
        labels: Array or tensor.
        num_images: Integer or `None`. Expected number of labels, if known.

    Raises:
        ValueError: If the labels are not integers of shape `(batch,)`.
    """
    shape = tuple(labels.shape)
    if len(shape) != 1 and not (len(shape) == 2 and shape[1] == 1):
        raise ValueError(
            "`labels` must have the shape (batch,), one class index per image, not "
            f"one-hot. Received: shape {shape}"
        )
    dtype = keras.backend.standardize_dtype(labels.dtype)
    if "int" not in dtype:
        raise ValueError(f"`labels` must be integers. Received: dtype {dtype}")
    if None not in (num_images, shape[0]) and shape[0] != num_images:
        raise ValueError(
            f"`labels` must have one entry per image, {num_images}. "
            f"Received: {shape[0]} labels"
        )


def check_label_range(low, high, num_classes):
    """Raises a `ValueError` unless labels from `low` to `high` name classes."""
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"`labels` must be in [0, {num_classes - 1}], as `num_classes` is "
            f"{num_classes}. Received: labels from {int(low)} to {int(high)}"
        )


def check_labels(labels, num_classes, num_images=None):
    """Checks labels with their values.

    Args:
        labels: NumPy array, or anything `numpy.asarray` takes.
        num_classes: Integer.
        num_images: Integer or `None`. Expected number of labels.

    Raises:
        ValueError: If shape, dtype, length or values are wrong.
    """
    check_label_type(labels, num_images)
    labels = np.asarray(keras.ops.convert_to_numpy(labels))
    if labels.size:
        check_label_range(labels.min(), labels.max(), num_classes)


def check_class_weights(weights, num_classes, num_images):
    """Checks rows of class weights, which mix classes.

    Args:
        weights: Float NumPy array of two axes.
        num_classes: Integer.
        num_images: Integer. Expected number of rows.

    Raises:
        ValueError: If the shape is not `(num_images, num_classes)`, or one column
            more for the null class, or a row is not finite with the sum 1.
    """
    shape = weights.shape
    if shape not in ((num_images, num_classes), (num_images, num_classes + 1)):
        raise ValueError(
            f"`labels` given as class weights must have the shape ({num_images}, "
            f"{num_classes}), or one column more for the null class. "
            f"Received: shape {shape}"
        )
    sums = weights.sum(axis=1)
    if not np.all(np.abs(sums - 1.0) < 1e-3):
        raise ValueError(
            "`labels` given as class weights must have rows with the sum 1. "
            f"Received: rows with the sums {sums}"
        )
