"""Checks of arguments and data, made before any work: what was expected, what came.

What starts with `read` returns the argument as it is to be used: a plain Python number
or truth value, whatever library the given one is of.
"""

import math
import numbers

import numpy as np


def _to_numpy(tensor):
    import keras  # not at the top: checks of plain values do not wait for it

    return keras.ops.convert_to_numpy(tensor)


def plain(value):
    """What a NumPy scalar or an array without axes holds; other values as they are."""
    if not (hasattr(value, "dtype") and hasattr(value, "shape")) or len(value.shape):
        return value
    if not isinstance(value, (np.generic, np.ndarray)):
        value = _to_numpy(value)
    return np.asarray(value).item()


def plain_number(value):
    """An `int` or a `float` for a number of any library; else `None`.

    Truth values and text are no numbers.
    """
    value = plain(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else None


def _read_number(name, value, expected, fits):
    number = plain_number(value)
    if number is None or not fits(number):
        raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")
    return number


def read_integer(name, value, least=1):
    """`value` as an `int`; a `ValueError` unless it is an integer of at least `least`.

    Args:
        name: String. Name of the argument, for messages.
        value: Integer of any library, such as `numpy.int64`.
        least: Integer.
    """
    return _read_number(
        name,
        value,
        f"an integer of at least {least}",
        lambda number: isinstance(number, int) and number >= least,
    )


def read_seed(name, value):
    """`value` as an `int`; a `ValueError` unless it is an integer in [0, 2**64)."""
    return _read_number(
        name,
        value,
        "an integer in [0, 2**64)",
        lambda number: isinstance(number, int) and 0 <= number < 2**64,
    )


def read_angle_degrees(name, value):
    """`value` as a plain number; a `ValueError` unless it is in (0, 90)."""
    expected = "an angle in degrees in (0, 90), both ends excluded"
    return _read_number(name, value, expected, lambda number: 0.0 < number < 90.0)


def read_right_angle(name, value):
    """`value` as a plain number; a `ValueError` unless it is in [0, 90]."""
    expected = "an angle in degrees in [0, 90]"
    return _read_number(name, value, expected, lambda number: 0.0 <= number <= 90.0)


def read_model_angle(name, value, largest):
    """`value` as a plain number; a `ValueError` unless it is in (0, largest].

    Args:
        name: String. Name of the argument, for messages.
        value: Number of any library, an angle in degrees.
        largest: Float. The largest angle that the model was trained with.
    """
    angle = read_angle_degrees(name, value)
    if angle > largest:
        raise ValueError(
            f"`{name}` must be at most {largest}, the largest angle of the model. "
            f"Received: {name}={angle}"
        )
    return angle


def read_share(name, value):
    """`value` as a plain number; a `ValueError` unless it is in [0, 1]."""
    expected = "a number in [0, 1]"
    return _read_number(name, value, expected, lambda number: 0.0 <= number <= 1.0)


def read_finite(name, value):
    """`value` as a plain number; a `ValueError` unless it is finite."""
    return _read_number(name, value, "a finite number", math.isfinite)


def read_positive(name, value):
    """`value` as a plain number; a `ValueError` unless it is finite and above 0."""
    expected = "a finite number above 0"
    return _read_number(name, value, expected, lambda number: 0 < number < math.inf)


def read_not_negative(name, value):
    """`value` as a plain number; a `ValueError` unless it is finite, at least 0."""
    expected = "a finite number, at least 0"
    return _read_number(name, value, expected, lambda number: 0 <= number < math.inf)


def read_boolean(name, value):
    """`value` as a `bool`; a `ValueError` for anything but a truth value."""
    truth = plain(value)
    if not isinstance(truth, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}")
    return truth


def read_sequence(name, values, read):
    """A tuple of the values that `read(name, value)` returns.

    Raises:
        ValueError: If there is no value, or `values` is no sequence.
    """
    if isinstance(values, (str, bytes)) or not np.iterable(values):
        raise ValueError(f"`{name}` must be a sequence. Received: {name}={values!r}")
    values = tuple(values)
    if not values:
        raise ValueError(f"`{name}` must not be empty. Received: {name}={values}")
    return tuple(read(name, value) for value in values)


def if_given(read, name, value):
    """`read(name, value)`, or `None` for `None`."""
    return None if value is None else read(name, value)


def check_choice(name, value, choices):
    """Raises a `ValueError` unless `value` is one of `choices`."""
    if np.ndim(value) or value not in choices:
        raise ValueError(
            f"`{name}` must be one of {list(choices)}. Received: {name}={value!r}"
        )


def dtype_name(dtype):
    """Name of a dtype of any library, also of one that Keras knows nothing of."""
    import keras

    try:
        return keras.backend.standardize_dtype(dtype)
    except ValueError:
        return str(dtype)


def as_array(name, values):
    """Numbers of any origin as a NumPy array.

    Args:
        name: String. Name of the argument, for messages.
        values: Array, tensor, number, or nested sequence of numbers.

    Raises:
        ValueError: If they do not make an array of one shape, or are not numbers: a
            set, text, `None`, other objects.
    """
    try:
        if hasattr(values, "dtype") and not isinstance(values, np.ndarray):
            values = _to_numpy(values)
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be an array of numbers. Received: {name} of type "
            f"{type(values).__name__}: {error}"
        ) from None
    dtype = dtype_name(array.dtype)
    if not dtype.startswith(("bool", "int", "uint", "float", "bfloat")):
        raise ValueError(
            f"`{name}` must hold numbers, none of them missing. Received: {name} of "
            f"type {type(values).__name__} and dtype {array.dtype}"
        )
    return array


def check_label_type(labels, num_images=None, name="labels"):
    """Checks the shape and dtype of labels, which need not hold values yet.

    Args:
        labels: Array or tensor.
        num_images: Integer or `None`. Expected number of labels, if known.
        name: String. Name of the argument, for messages.

    Raises:
        ValueError: If the labels are not integers of shape `(batch,)`.
    """
    shape = tuple(labels.shape)
    if len(shape) != 1 and not (len(shape) == 2 and shape[1] == 1):
        raise ValueError(
            f"`{name}` must have the shape (batch,), one class index per image, not "
            f"one-hot. Received: shape {shape}"
        )
    dtype = dtype_name(labels.dtype)
    if not dtype.startswith(("int", "uint")):
        raise ValueError(f"`{name}` must be integers. Received: dtype {dtype}")
    if None not in (num_images, shape[0]) and shape[0] != num_images:
        raise ValueError(
            f"`{name}` must have one entry per image, {num_images}. "
            f"Received: {shape[0]} labels"
        )


def check_label_range(low, high, num_classes, name="labels"):
    """Raises a `ValueError` unless labels from `low` to `high` name classes."""
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"`{name}` must be in [0, {num_classes - 1}], as `num_classes` is "
            f"{num_classes}. Received: labels from {int(low)} to {int(high)}"
        )


def check_labels(labels, num_classes, num_images=None, name="labels"):
    """Checks labels with their values.

    Args:
        labels: Array or tensor.
        num_classes: Integer.
        num_images: Integer or `None`. Expected number of labels.
        name: String. Name of the argument, for messages.

    Raises:
        ValueError: If shape, dtype, length or values are wrong.
    """
    if 0 in labels.shape:
        raise ValueError(
            f"`{name}` must hold at least one class. "
            f"Received: shape {tuple(labels.shape)}"
        )
    check_label_type(labels, num_images, name)
    labels = as_array(name, labels)
    check_label_range(labels.min(), labels.max(), num_classes, name)


def check_class_weights(weights, num_classes, num_images, name="labels"):
    """Checks rows of class weights, which mix classes.

    Args:
        weights: Float NumPy array of two axes.
        num_classes: Integer.
        num_images: Integer. Expected number of rows.
        name: String. Name of the argument, for messages.

    Raises:
        ValueError: If the shape is not `(num_images, num_classes)`, or one column
            more for the null class, or a row is not finite with the sum 1.
    """
    shape = weights.shape
    if shape not in ((num_images, num_classes), (num_images, num_classes + 1)):
        raise ValueError(
            f"`{name}` given as class weights must have the shape ({num_images}, "
            f"{num_classes}), or one column more for the null class. "
            f"Received: shape {shape}"
        )
    sums = weights.sum(axis=1)
    if not np.all(np.abs(sums - 1.0) < 1e-3):
        raise ValueError(
            f"`{name}` given as class weights must have rows with the sum 1. "
            f"Received: rows with the sums {sums}"
        )
