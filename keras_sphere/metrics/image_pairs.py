"""Checks of pairs of images whose pixels span what the caller says."""

import numpy as np

from keras_sphere.image_validation import NOISY_LIMIT
from keras_sphere.validation import as_array, read_positive


def read_image_pair(a, b, max_value):
    """Pairs of images as float64 arrays, and the span of their pixel values.

    The metrics of pairs depend on differences of pixels alone, so that they take any
    range of which the caller says how wide it is.

    Args:
        a: Array of shape `(batch, ...)`, of integers or floats.
        b: Array of the same shape.
        max_value: Float. Span of the pixel values.

    Raises:
        ValueError: If the shapes differ, there are no pixels, a value is no number or
            not finite, `max_value` is not positive, or the values are 16 times
            further apart, more than noise explains.
    """
    max_value = read_positive("max_value", max_value)
    a, b = _read("a", a), _read("b", b)
    if a.shape != b.shape or a.ndim < 2 or a.size == 0:
        raise ValueError(
            "`a` and `b` must have the same shape (batch, ...), with pixels. "
            f"Received: a of shape {a.shape}, b of shape {b.shape}"
        )
    span = max(a.max(), b.max()) - min(a.min(), b.min())
    if span > NOISY_LIMIT * max_value:
        raise ValueError(
            "`max_value` must be the span of the values of `a` and `b`: 1 for images "
            "in [0, 1], 2 for [-1, 1], 255 for uint8. Received: "
            f"max_value={max_value}, values {span:g} apart"
        )
    return a, b, max_value


def _read(name, images):
    images = as_array(name, images)
    if images.dtype == np.bool_:
        raise ValueError(f"`{name}` must hold numbers. Received: dtype bool")
    images = images.astype("float64")
    if not np.all(np.isfinite(images)):
        raise ValueError(
            f"`{name}` must be finite. Received: images with NaN or infinite values"
        )
    return images
