"""The networks as layers: shapes, precision, any image, no weights to train."""

import keras
import numpy as np
import pytest
import torch

from keras_sphere.losses import PixelLoss
from keras_sphere.perceptual import (
    LPIPS,
    ConvNeXtLogits,
    ConvNeXtV2,
    EfficientNetLite2,
    WeightedSum,
)
from keras_sphere.perceptual.resizing import bilinear_matrix, resize_bilinear
from tests.differentiation import input_gradients
from tests.testing import TestCase, to_numpy

TINY = {
    "depths": (1, 1),
    "hidden_dims": (8, 16),
    "num_classes": 5,
    "image_size": 16,
    "source": None,
}
TINY_V2 = {
    "stages": (1, 0),
    "depths": (1, 1, 1),
    "hidden_dims": (8, 16, 24),
    "source": None,
}
IMAGES = np.random.default_rng(0).uniform(size=(2, 16, 16, 3)).astype("float32")
OTHERS = np.random.default_rng(1).uniform(size=(2, 16, 16, 3)).astype("float32")


def distance(network, x, y):
    pair = (keras.ops.convert_to_tensor(images) for images in (x, y))
    x, y = ({"images": images, "features": network(images)} for images in pair)
    return PixelLoss(distance_weight=0.0, feature_distance="l2").call(x, y)


class LayerTest(TestCase):
    def test_lpips(self):
        layer = self.run_layer_test(
            LPIPS,
            {"layer_range": (0, 2), "source": None},
            (2, 8, 8, 3),
            [(2, 8, 8, 64), (2, 4, 4, 128)],
            expected_mixed_dtype="float32",
        )
        self.assertEmpty(layer.trainable_weights)
        self.assertLen(layer.weights, 2 * 4 + 2)

    def test_convnext_logits(self):
        layer = self.run_layer_test(
            ConvNeXtLogits,
            TINY,
            (2, 12, 20, 3),
            [(2, 5)],
            expected_mixed_dtype="float32",
        )
        self.assertEmpty(layer.trainable_weights)

    def test_convnextv2(self):
        layer = self.run_layer_test(
            ConvNeXtV2,
            TINY_V2,
            (2, 16, 24, 3),
            [(2, 2, 3, 16), (2, 4, 6, 8)],
            expected_mixed_dtype="float32",
        )
        self.assertEmpty(layer.trainable_weights)
        self.assertNotIn("stage2_block0_norm_scale", layer.arrays)

    def test_efficientnet_lite2(self):
        layer = self.run_layer_test(
            EfficientNetLite2,
            {"map_range": (0, 2), "image_size": 12, "source": None},
            (2, 8, 10, 3),
            [(2, 6, 6, 16), (2, 3, 3, 24)],
            expected_mixed_dtype="float32",
        )
        self.assertEmpty(layer.trainable_weights)
        self.assertLen(layer.weights, 2 * (1 + 2 + 3 * 3))

    def test_weighted_sum(self):
        self.run_layer_test(
            WeightedSum,
            {
                "networks": [LPIPS((0, 1), None), ConvNeXtLogits(**TINY)],
                "shares": [1.0, 0.1],
            },
            (2, 8, 8, 3),
            [(2, 8, 8, 64), (2, 5)],
            expected_mixed_dtype="float32",
        )


def test_only_what_a_range_needs_is_built():
    network = LPIPS((1, 3), None)
    network.build((None, 16, 16, 3))
    assert "lin0" not in network.arrays
    assert [name for name in network.arrays if name.startswith("lin")] == [
        "lin1",
        "lin2",
    ]
    assert not any(name.startswith("block4") for name in network.arrays)
    assert len(network(IMAGES)) == 2


def test_a_weighted_sum_is_the_mean_of_distances():
    networks = [LPIPS((0, 1), None), ConvNeXtLogits(**TINY)]
    both = WeightedSum(networks, [1.0, 0.1])
    parts = [to_numpy(distance(network, IMAGES, OTHERS)) for network in networks]
    expected = (1.0 * parts[0] + 0.1 * parts[1]) / 1.1
    value = to_numpy(distance(both, IMAGES, OTHERS))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert np.all(parts[0] > 0) and np.all(parts[1] > 0)  # noqa: PT018


@pytest.mark.parametrize(
    "new",
    [
        lambda: LPIPS((0, 2), None),
        lambda: ConvNeXtLogits(**TINY),
        lambda: ConvNeXtV2(**TINY_V2),
        lambda: EfficientNetLite2((0, 1), source=None),
    ],
)
def test_gray_images_are_repeated(new):
    network, gray = new(), IMAGES[..., :1]
    network.build((None, 16, 16, 1))
    expected = network(np.repeat(gray, 3, axis=-1))
    for a, b in zip(network(gray), expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-6)


def test_small_and_uneven_images():
    """16 px is enough for all five layers; odd sides are rounded down."""
    network = LPIPS(source=None)
    sides = [m.shape[1] for m in network(IMAGES)]
    assert sides == [16, 8, 4, 2, 1]
    shapes = [m.shape[1:3] for m in LPIPS((0, 3), None)(IMAGES[:, :15, :13])]
    assert [tuple(shape) for shape in shapes] == [(15, 13), (7, 6), (3, 3)]


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_gradients_are_finite_where_nothing_differs(value):
    """Equal images, and activations that are all zero."""
    network = LPIPS((0, 2), None)
    network.build((None, 16, 16, 3))
    for variable in network.arrays.values():
        variable.assign(variable * value)
    (gradient,) = input_gradients(
        lambda x: distance(network, x, IMAGES), [IMAGES], np.ones(2, "float32")
    )
    assert np.all(np.isfinite(gradient))
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


@pytest.mark.parametrize("cls", [LPIPS, ConvNeXtLogits, ConvNeXtV2, EfficientNetLite2])
def test_mixed_precision_is_near_float32(cls):
    arguments = {
        LPIPS: {"layer_range": (0, 3), "source": None},
        ConvNeXtLogits: TINY,
        ConvNeXtV2: TINY_V2,
        EfficientNetLite2: {"map_range": (0, 2), "source": None},
    }[cls]
    exact, mixed = cls(**arguments), cls(**arguments, dtype="mixed_bfloat16")
    for network in (exact, mixed):
        network.build((None, 16, 16, 3))
    for name, variable in exact.arrays.items():
        mixed.arrays[name].assign(variable)
    expected = to_numpy(distance(exact, IMAGES, OTHERS))
    value = to_numpy(distance(mixed, IMAGES, OTHERS))
    np.testing.assert_allclose(value, expected, rtol=0.1)
    assert not np.allclose(value, expected, rtol=1e-6)
    assert {keras.backend.standardize_dtype(m.dtype) for m in mixed(IMAGES)} == {
        "float32"
    }


@pytest.mark.parametrize(("old", "new"), [(16, 224), (40, 32), (256, 224), (7, 7)])
def test_resizing_is_bilinear_with_antialiasing(old, new):
    np.testing.assert_allclose(bilinear_matrix(old, new).sum(axis=1), 1.0, atol=1e-6)
    x = np.random.default_rng(0).uniform(size=(1, old, old + 1, 2)).astype("float32")
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(x).movedim(-1, 1),
        (new, new),
        mode="bilinear",
        antialias=True,
        align_corners=False,
    ).movedim(1, -1)
    resized = to_numpy(resize_bilinear(keras.ops.convert_to_tensor(x), new))
    np.testing.assert_allclose(resized, expected.numpy(), atol=3e-5)


BAD = {
    "range": (lambda: LPIPS((3, 3), None), r"`layer_range`.*within \(0, 5\).*\(3, 3\)"),
    "long range": (lambda: LPIPS((0, 6), None), "`layer_range`"),
    "source": (lambda: LPIPS(source="imagenet"), "`source` must be.*'imagenet'"),
    "stages": (lambda: ConvNeXtLogits((1, 1), (8,)), "`depths` and `hidden_dims`"),
    "stage": (
        lambda: ConvNeXtV2(stages=(1, 4)),
        r"`stages` must be of the 4 stages.*stages=\(1, 4\)",
    ),
    "few pixels": (
        lambda: ConvNeXtV2(source=None).build((None, 15, 16, 3)),
        r"least 16 px.*15, 16, 3",
    ),
    "size": (lambda: ConvNeXtLogits(image_size=0), "`image_size`.*image_size=0"),
    "shares": (lambda: WeightedSum([LPIPS()], [0.0]), r"`shares`.*shares=0.0"),
    "number": (lambda: WeightedSum([LPIPS()], [1, 2]), r"`shares`.*here 1\."),
    "small": (
        lambda: LPIPS(source=None).build((None, 15, 16, 3)),
        r"least 16 px.*15, 16, 3",
    ),
    "colors": (
        lambda: LPIPS(source=None).build((None, 32, 32, 4)),
        "1 or 3 channels.*32, 4",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name):
    make, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        make()
