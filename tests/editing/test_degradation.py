"""Plain filters, beside those of other packages and numbers by hand."""

import numpy as np
import pytest
from scipy import ndimage

from keras_sphere.editing.degradation import (
    blur,
    downsample,
    enlarge_bicubic,
    repeat_pixels,
)

pytestmark = pytest.mark.any_backend

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")


def test_downsampling_takes_means():
    image = np.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(
        downsample(image, 2)[0, ..., 0], [[2.5, 4.5], [10.5, 12.5]]
    )
    np.testing.assert_allclose(
        downsample(repeat_pixels(IMAGES, 3), 3), IMAGES, atol=1e-6
    )


def test_bicubic_enlargement():
    """Keys' kernel at a quarter and three quarters of the way, and lines stay lines."""
    impulse = np.zeros((1, 8, 1, 1), "float32")
    impulse[0, 4] = 1.0
    column = enlarge_bicubic(impulse, 2)[0, :, 0, 0]
    expected = [-0.0234375, -0.0703125, 0.2265625, 0.8671875]
    np.testing.assert_allclose(column[5:9], expected, atol=1e-6)
    np.testing.assert_allclose(column[9:13], expected[::-1], atol=1e-6)
    line = np.arange(8.0).reshape(1, 8, 1, 1)
    steps = np.diff(enlarge_bicubic(line, 4)[0, 8:-8, 0, 0])
    np.testing.assert_allclose(steps, 0.25, atol=1e-5)


def test_blur_is_a_gaussian_filter():
    for deviation in (0.5, 1.3):
        expected = ndimage.gaussian_filter(
            IMAGES.astype("float64"),
            (0, deviation, deviation, 0),
            mode="nearest",
            radius=(0, *(int(np.ceil(4 * deviation)),) * 2, 0),
        )
        np.testing.assert_allclose(blur(IMAGES, deviation), expected, atol=1e-5)
