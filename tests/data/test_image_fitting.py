"""Resizing of the shorter side, and crops."""

import numpy as np
import pytest
from PIL import Image

from keras_sphere.data.image_fitting import (
    RESIZE_METHODS,
    default_resize,
    fit_image,
    to_channels,
)
from tests.data.image_files import picture

pytestmark = pytest.mark.any_backend


def fit(pixels, *arguments):
    return np.asarray(fit_image(Image.fromarray(pixels), *arguments))


def test_default_methods():
    assert default_resize(32) == default_resize(64) == "nearest"
    assert default_resize(65) == default_resize(256) == "bicubic"


@pytest.mark.parametrize("shape", [(20, 30), (30, 20)])
def test_at_its_own_size_only_the_crop_remains(shape):
    pixels = picture(*shape)
    left, top = ((length - 20) // 2 for length in shape)
    expected = pixels[top : top + 20, left : left + 20]
    for method in RESIZE_METHODS:
        np.testing.assert_array_equal(fit(pixels, 20, method), expected)


def test_nearest_takes_every_other_pixel():
    pixels = picture(60, 40)
    result = fit(pixels, 20, "nearest")
    np.testing.assert_array_equal(result, pixels[1::2, 11:50:2])


def test_bicubic_averages():
    pixels = picture(256, 256)
    means = pixels.reshape(32, 8, 32, 8, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(fit(pixels, 32, "bicubic"), means, atol=2)
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    gray = fit(checks.astype("uint8"), 16, "bicubic")
    np.testing.assert_allclose(gray, 127.5, atol=12)  # antialiased
    assert set(np.unique(fit(checks.astype("uint8"), 16, "nearest"))) <= {0, 255}


def test_as_resizing_and_cropping_one_after_the_other():
    pixels = picture(300, 200)
    two_steps = Image.fromarray(pixels).resize((150, 100), Image.Resampling.BICUBIC)
    expected = np.asarray(two_steps.crop((25, 0, 125, 100))).astype(int)
    result = fit(pixels, 100, "bicubic").astype(int)
    assert np.abs(result - expected)[:, 2:-2].max() <= 1
    assert np.abs(result - expected).max() <= 8  # nothing is read beyond the crop


def test_offsets_reach_both_ends():
    pixels = picture(50, 20)
    np.testing.assert_array_equal(fit(pixels, 20, "bicubic", 0.0), pixels[:, :20])
    np.testing.assert_array_equal(fit(pixels, 20, "bicubic", 1.0), pixels[:, 30:])
    np.testing.assert_array_equal(fit(pixels, 20, "bicubic", 0.1), pixels[:, 3:23])


def test_extreme_shapes():
    assert fit(picture(2000, 1), 16, "bicubic").shape == (16, 16, 3)
    assert fit(picture(1, 1), 16, "nearest").shape == (16, 16, 3)


def test_channels():
    pixels = picture()
    color = Image.fromarray(pixels)
    np.testing.assert_array_equal(to_channels(color, 3), pixels)
    gray = to_channels(color, 1)
    assert gray.shape == (20, 24, 1)
    weights = pixels @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(gray[..., 0], weights, atol=1)
    back = to_channels(Image.fromarray(gray[..., 0]), 3)
    np.testing.assert_array_equal(back, np.repeat(gray, 3, axis=-1))
