"""Peak signal-to-noise ratio against its formula."""

import numpy as np
import pytest

from keras_sphere.metrics import psnr

pytestmark = pytest.mark.any_backend


def test_known_differences_per_image():
    a = np.full((2, 4, 4, 1), 0.25, dtype="float32")
    b = a + np.array([0.1, 0.01]).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(psnr(a, b, max_value=1.0), [20.0, 40.0], atol=1e-4)


def test_span_of_the_pixels():
    a, b = np.zeros((1, 8)), np.full((1, 8), 51.0)
    expected = 20.0 * np.log10(5.0)
    np.testing.assert_allclose(psnr(a, b, max_value=255), expected)
    byte_images = a.astype("uint8"), b.astype("uint8")
    np.testing.assert_allclose(psnr(*byte_images, max_value=255), expected)
    np.testing.assert_allclose(psnr(b.astype("uint8"), a, max_value=255), expected)


def test_the_mean_is_of_squares():
    a, b = np.zeros((1, 4)), np.array([[0.0, 0.0, 0.0, 0.2]])
    np.testing.assert_allclose(psnr(a, b, max_value=1.0), 20.0)


def test_equal_images():
    assert np.all(np.isposinf(psnr(np.ones((3, 2)), np.ones((3, 2)), max_value=1.0)))


@pytest.mark.parametrize(
    ("a", "b", "max_value", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), 1.0, "the same shape"),
        (np.ones(3), np.ones(3), 1.0, "the same shape"),
        (np.ones((2, 3)), np.ones((2, 3)), 0.0, "`max_value` must be a finite"),
        (np.ones((2, 3)), np.full((2, 3), np.nan), 1.0, "must be finite"),
    ],
)
def test_errors(a, b, max_value, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        psnr(a, b, max_value)
