"""Peak signal-to-noise ratio."""

import numpy as np


def psnr(a, b, max_value):
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
        ValueError: If the shapes differ, there are no pixels, a value is not
            finite, or `max_value` is not positive.
    """
    a, b = np.asarray(a, dtype="float64"), np.asarray(b, dtype="float64")
    if a.shape != b.shape or a.ndim < 2 or a.size == 0:
        raise ValueError(
            "`a` and `b` must have the same shape (batch, ...), with pixels. "
            f"Received: a of shape {a.shape}, b of shape {b.shape}"
        )
    if not max_value > 0:
        raise ValueError(
            f"`max_value` must be positive. Received: max_value={max_value}"
        )
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        raise ValueError(
            "`a` and `b` must be finite. Received: images with NaN or infinite values"
        )
    error = np.mean(np.square(a - b), axis=tuple(range(1, a.ndim)))
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(float(max_value) ** 2 / error)
