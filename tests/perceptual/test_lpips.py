"""LPIPS against the golden data."""

import functools

import keras
import numpy as np
import pytest

from keras_sphere.losses import PixelLoss
from keras_sphere.perceptual import LPIPS
from tests import golden_data
from tests.differentiation import input_gradients
from tests.perceptual import golden_vgg16
from tests.testing import to_numpy

DISTANCE = PixelLoss(distance_weight=0.0, feature_distance="l2")


@functools.cache
def golden():
    """The golden arrays and the weights that they are of."""
    arrays = golden_data.load("lpips")
    return arrays, golden_vgg16.our_weights(int(arrays["seed"]))


def new_lpips(**arguments):
    """LPIPS with the golden weights."""
    network = LPIPS(source=None, **arguments)
    network.build((None, 32, 32, 3))
    for name, variable in network.arrays.items():
        variable.assign(golden()[1][name])
    return network


def distance(network, x, y):
    """As a model computes it: shape `(batch,)`."""
    x, y = ({"images": image, "features": network(image)} for image in (x, y))
    return DISTANCE.call(x, y)


def images(name):
    images = golden_data.images(golden()[0][f"in/{name}"])
    return keras.ops.convert_to_tensor(images)


@pytest.fixture(scope="module")
def lpips():
    return new_lpips()


def test_the_golden_weights_are_those_of_the_data():
    arrays, _ = golden()
    kernels, biases, heads = golden_vgg16.torchvision_weights(int(arrays["seed"]))
    for i, (w, b) in enumerate(zip(kernels, biases, strict=True)):
        w = w.astype("float64")
        sums = [w.sum(), np.abs(w).sum(), b.sum(), w.flat[0], w.flat[-1]]
        np.testing.assert_allclose(sums, arrays[f"check/conv{i}"], rtol=1e-5, atol=1e-5)
    for i, w in enumerate(heads):
        sums = [w.sum(), w.flat[0], w.flat[-1]]
        np.testing.assert_allclose(sums, arrays[f"check/lin{i}"], rtol=1e-6)


def test_value_and_gradient(lpips):
    arrays, _ = golden()
    x, y = images("x"), images("y")
    expected = arrays["out/perceptual"].reshape(3)
    np.testing.assert_allclose(to_numpy(distance(lpips, x, y)), expected, atol=1e-6)
    (gradient,) = input_gradients(
        lambda x: distance(lpips, x, y),
        [to_numpy(x)],
        np.arange(1.0, 4.0, dtype="float32"),
    )
    expected = golden_data.images(arrays["out/grad_x"])
    atol = 1e-4 * np.abs(expected).max()
    np.testing.assert_allclose(gradient, expected, atol=atol, rtol=0)
    assert np.all(np.isfinite(gradient))


def test_each_layer(lpips):
    arrays, _ = golden()
    pairs = zip(lpips(images("x")), lpips(images("y")), strict=True)
    for layer, (a, b) in enumerate(pairs):
        contribution = to_numpy(keras.ops.mean(keras.ops.square(a - b), axis=(1, 2, 3)))
        expected = arrays[f"feat{layer}/contribution"]
        np.testing.assert_allclose(contribution, expected, atol=1e-6)


@pytest.mark.parametrize("layer_range", [(0, 3), (2, 5)])
def test_a_range_of_layers(layer_range):
    network = new_lpips(layer_range=layer_range)
    expected = golden()[0]["out/perceptual_chns_{}_{}".format(*layer_range)]
    value = to_numpy(distance(network, images("x"), images("y")))
    np.testing.assert_allclose(value, expected.reshape(3), atol=1e-6)
