"""Checks a layer against its golden outputs and input gradients."""

import numpy as np

from tests import golden_data
from tests.differentiation import input_gradients


def check_layer(case, name, layer, weights, prefix="", images=False):
    """Outputs and gradients of a layer with the golden weights.

    Args:
        case: `TestCase`.
        name: String. Name of the layer in the golden file.
        layer: Built layer, or a callable that runs one.
        weights: Iterable of `(reference name, variable, transform)` that must name
            every golden weight.
        prefix: String. What the reference names start with, and the golden ones not.
        images: Boolean. Whether inputs and outputs are NCHW images.
    """
    arrays = golden_data.load("funcs")
    values = golden_data.state_dict(arrays, prefix=f"{name}/sd/")
    for key, variable, transform in weights:
        variable.assign(transform(values.pop(key.removeprefix(prefix))))
    case.assertEmpty(values)

    def read(key):
        array = arrays[f"{name}/{key}"]
        return golden_data.images(array) if images else array

    inputs = [read(key) for key in ("in0", "in1") if f"{name}/{key}" in arrays]
    case.assertAllClose(layer(*inputs), read("out"), atol=1e-5, rtol=0.0)
    gradients = input_gradients(layer, inputs, read("cotangent"))
    for i, gradient in enumerate(gradients):
        expected = read(f"grad_in{i}")
        tolerance = 1e-4 * np.abs(expected).max()
        case.assertAllClose(gradient, expected, atol=tolerance, rtol=0.0)
