"""Peak signal-to-noise ratio."""

import numpy as np

from keras_sphere.metrics.image_pairs import read_image_pair
from keras_sphere.typing import Array, ArrayLike


def psnr(a: ArrayLike, b: ArrayLike, max_value: float) -> Array:
    """Peak signal-to-noise ratio of each pair of images, in decibels.

    `10 log10(max_value^2 / mean squared difference)`.

    Args:
        a: Array of shape `(batch, ...)`.
        b: Array of the same shape.
        max_value: Float. Span of the pixel values: `1` for images in [0, 1], `2`
            for [-1, 1], `255` for uint8.

    Returns:
        float64 array of shape `(batch,)`; infinite for equal images.

    Raises:
        ValueError: If the shapes differ, there are no pixels, a value is no number or
            not finite, `max_value` is not positive, or the values span far more.

    Example:

    >>> restored = model.predict(images)
    >>> keras_sphere.metrics.psnr(images / 127.5 - 1.0, restored, max_value=2.0)
    """
    a, b, max_value = read_image_pair(a, b, max_value)
    error = np.mean(np.square(a - b), axis=tuple(range(1, a.ndim)))
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(max_value**2 / error)
