"""Depthwise convolution: PyTorch's values and gradients on every backend."""

import keras
import numpy as np
import pytest
import torch

from keras_sphere.backend.depthwise_convolution import (
    _shifted_products,
    depthwise_convolution,
)
from tests.differentiation import input_gradients
from tests.testing import to_numpy

CASES = pytest.mark.parametrize(
    ("height", "width", "side", "strides"),
    [(6, 5, 3, 2), (8, 7, 5, 2), (4, 3, 5, 1), (1, 2, 5, 2)],
)
FUNCTIONS = pytest.mark.parametrize(
    "function", [depthwise_convolution, _shifted_products]
)


def new_arrays(height, width, side):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((2, height, width, 3)).astype("float32")
    return x, generator.standard_normal((side, side, 3, 1)).astype("float32")


def expected(x, kernel, strides):
    """TensorFlow's "same": zeros on both sides, one more below and right."""
    x = torch.from_numpy(x).movedim(-1, 1).requires_grad_()
    padding = []
    for size in (x.shape[3], x.shape[2]):
        zeros = max((-(-size // strides) - 1) * strides + kernel.shape[0] - size, 0)
        padding += [zeros // 2, zeros - zeros // 2]
    kernel = torch.from_numpy(kernel.transpose(2, 3, 0, 1).copy())
    padded = torch.nn.functional.pad(x, padding)
    y = torch.nn.functional.conv2d(padded, kernel, stride=strides, groups=3)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    return (t.movedim(1, -1).detach().numpy() for t in (y, gradient))


@CASES
@FUNCTIONS
def test_values_and_gradients(function, height, width, side, strides):
    x, kernel = new_arrays(height, width, side)
    values, gradients = expected(x, kernel, strides)

    def run(images):
        return function(images, keras.ops.convert_to_tensor(kernel), strides)

    y = to_numpy(run(keras.ops.convert_to_tensor(x)))
    np.testing.assert_allclose(y, values, atol=1e-5)
    (gradient,) = input_gradients(
        lambda images: keras.ops.sum(keras.ops.square(run(images)), axis=(1, 2, 3)),
        [x],
        np.ones(2, "float32"),
    )
    np.testing.assert_allclose(gradient, gradients, atol=1e-4)


@FUNCTIONS
def test_bfloat16_stays(function):
    x, kernel = (
        keras.ops.cast(array, "bfloat16") for array in new_arrays(6, 5, side=5)
    )
    y = function(x, kernel, 1)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    exact = function(*(keras.ops.cast(t, "float32") for t in (x, kernel)), 1)
    y = to_numpy(keras.ops.cast(y, "float32"))
    np.testing.assert_allclose(y, to_numpy(exact), atol=0.1)
