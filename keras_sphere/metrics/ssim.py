"""Structural similarity, by scikit-image."""

import numpy as np

from keras_sphere.metrics.image_pairs import read_image_pair
from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import Array, ArrayLike

PACKAGE = ("skimage.metrics", "Structural similarity (`ssim`)", "evaluate")
WINDOW = 11


def check_size(height, width):
    """Raises a `ValueError` unless images are as large as the window."""
    if min(height, width) < WINDOW:
        raise ValueError(
            f"Structural similarity (`ssim`) needs images at least {WINDOW} pixels "
            f"high and wide. Received: images of shape {(height, width)}"
        )


def ssim(a: ArrayLike, b: ArrayLike, max_value: float) -> Array:
    """Structural similarity of each pair of images, with a Gaussian window.

    The settings are those of the paper: a window of standard deviation 1.5 (11 pixels
    wide), and covariances that are not corrected for the sample's size. Color channels
    are averaged.

    Args:
        a: Array of shape `(batch, height, width, channels)`, at least 11 pixels high
            and wide.
        b: Array of the same shape.
        max_value: Float. Span of the pixel values: `1` for images in [0, 1], `2` for
            [-1, 1], `255` for uint8.

    Returns:
        float64 array of shape `(batch,)`, at most 1.

    Raises:
        ImportError: If scikit-image is not installed.
        ValueError: As `psnr`, or if the images are too small.

    Reference:
        - [Wang et al., 2004](https://doi.org/10.1109/TIP.2003.819861)
    """
    metrics = import_optional(*PACKAGE)
    a, b, max_value = read_image_pair(a, b, max_value)
    if a.ndim != 4:
        raise ValueError(
            "`a` and `b` must have the same shape (batch, height, width, channels). "
            f"Received: a of shape {a.shape}, b of shape {b.shape}"
        )
    check_size(*a.shape[1:3])
    return np.array(
        [
            metrics.structural_similarity(
                x,
                y,
                data_range=max_value,
                channel_axis=-1,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
            for x, y in zip(a, b, strict=True)
        ]
    )
