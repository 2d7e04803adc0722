"""Gradients on every backend, for tests."""

import keras
import numpy as np


def input_gradients(function, inputs, cotangent):
    """Gradients of `sum(function(*inputs) * cotangent)` with respect to the inputs.

    Args:
        function: Callable of tensors that returns one tensor.
        inputs: List of arrays.
        cotangent: Array of the shape of the output.

    Returns:
        List of arrays, one per input.
    """
    inputs = [keras.ops.convert_to_tensor(x) for x in inputs]

    def total(*tensors):
        output = function(*tensors)
        return keras.ops.sum(output * keras.ops.cast(cotangent, output.dtype))

    gradients = _GRADIENTS[keras.backend.backend()](total, inputs)
    return [np.asarray(keras.ops.convert_to_numpy(g)) for g in gradients]


def kernel_gradient(layer, function, cotangent):
    """Gradient of `sum(function() * cotangent)` by the kernel of a dense layer."""

    def with_kernel(kernel):
        with keras.StatelessScope(state_mapping=[(layer.kernel, kernel)]):
            return function()

    kernel = np.array(keras.ops.convert_to_numpy(layer.kernel))
    return input_gradients(with_kernel, [kernel], cotangent)[0]


def _jax(total, inputs):
    import jax

    return jax.jit(jax.grad(total, argnums=tuple(range(len(inputs)))))(*inputs)


def _tensorflow(total, inputs):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        for x in inputs:
            tape.watch(x)
        value = total(*inputs)
    return tape.gradient(value, inputs)


def _torch(total, inputs):
    import torch

    inputs = [x.detach().clone().requires_grad_(True) for x in inputs]
    return torch.autograd.grad(total(*inputs), inputs)


_GRADIENTS = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
