"""Resizing as the public implementations do it."""

import keras
import numpy as np
import pytest

from keras_sphere.perceptual.resizing import resize_bicubic, resize_bilinear

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("side", [7, 30])
def test_half_pixel_is_pytorch(side):
    images = np.random.default_rng(0).random((2, 12, 9, 3), "float32")
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images.transpose(0, 3, 1, 2)),
        (side, side),
        mode="bilinear",
        align_corners=False,
    )
    ours = keras.ops.convert_to_numpy(resize_bilinear(images, side, "half_pixel"))
    np.testing.assert_allclose(ours, expected.numpy().transpose(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize("side", [1, 5, 20])
def test_bicubic_is_pytorch(side):
    images = np.random.default_rng(0).random((2, 12, 9, 3), "float32")
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images.transpose(0, 3, 1, 2)),
        (side, side),
        mode="bicubic",
        align_corners=False,
    )
    ours = keras.ops.convert_to_numpy(resize_bicubic(images, side))
    np.testing.assert_allclose(ours, expected.numpy().transpose(0, 2, 3, 1), atol=1e-5)


def test_other_numbers_are_resized_as_floats():
    images = np.arange(48, dtype="uint8").reshape(1, 4, 4, 3)
    for resize in (resize_bilinear, resize_bicubic):
        ours = resize(keras.ops.convert_to_tensor(images), 2)
        expected = resize(images.astype("float32"), 2)
        assert keras.backend.standardize_dtype(ours.dtype) == "float32"
        np.testing.assert_array_equal(
            *map(keras.ops.convert_to_numpy, (ours, expected))
        )


def test_tensorflow1_starts_at_the_first_pixel():
    images = np.arange(4.0, dtype="float32").reshape(1, 1, 4, 1) * np.ones((1, 4, 1, 1))
    ours = keras.ops.convert_to_numpy(
        resize_bilinear(images.astype("float32"), 8, "tensorflow1")
    )
    np.testing.assert_allclose(ours[0, 0, :, 0], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])
