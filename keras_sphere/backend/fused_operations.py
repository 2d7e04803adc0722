"""What torch has in one kernel; XLA and TensorFlow's graphs fuse by themselves."""

import functools

import keras

ON_TORCH = keras.backend.backend() == "torch"

if ON_TORCH:
    import torch
    from torch.nn import functional


def dense(x, kernel, bias=None):
    """`x kernel + bias`.

    Args:
        x: Float tensor of shape `(..., inputs)`.
        kernel: Tensor or variable of shape `(inputs, units)`, of the dtype of `x`.
        bias: Tensor or variable of shape `(units,)`, or `None`.

    Returns:
        Float tensor of shape `(..., units)`.
    """
    if ON_TORCH:
        kernel, bias = _values(kernel, bias)
        return functional.linear(x, kernel.T, bias)
    product = keras.ops.matmul(x, kernel)
    return product if bias is None else keras.ops.add(product, bias)


def multiply_add(x, factor, added):
    """`x factor + added`, for tensors or variables that broadcast to `x` or `added`."""
    if ON_TORCH:
        x, factor, added = _values(x, factor, added)
        return torch.addcmul(added, x, factor)
    return x * factor + added


def rms_normalization(x, scale=None, epsilon=1e-6):
    """`x / sqrt(mean(x^2) + epsilon) scale` over the last axis, at least in float32.

    Args:
        x: Float tensor of shape `(..., channels)`.
        scale: Tensor or variable of shape `(channels,)`, or `None`.
        epsilon: Float.

    Returns:
        Float tensor of the shape and dtype of `x`.
    """
    if ON_TORCH:  # the kernel counts in float32 by itself
        (scale,) = _values(scale)
        scale = None if scale is None else scale.to(x.dtype)
        return functional.rms_norm(x, x.shape[-1:], scale, epsilon)
    return keras.ops.rms_normalization(x, scale, epsilon=epsilon)


def attention(queries, keys, values):
    """Softmax attention without a mask, scaled by the root of the head's width.

    Args:
        queries: Float tensor of shape `(batch, num_tokens, num_heads, head_dim)`.
        keys: Float tensor of that shape.
        values: Float tensor of that shape.

    Returns:
        Float tensor of that shape.
    """
    if ON_TORCH:  # Keras would copy all three
        heads_first = (x.transpose(1, 2) for x in (queries, keys, values))
        return functional.scaled_dot_product_attention(*heads_first).transpose(1, 2)
    return keras.ops.dot_product_attention(queries, keys, values)


def constants(function, arguments, like):
    """Arrays that depend on nothing but numbers, as tensors.

    Torch keeps them on the device: a copy to a GPU at each use would hold it up.

    Args:
        function: Callable that returns NumPy arrays.
        arguments: Tuple of its arguments, hashable.
        like: Tensor whose dtype, and on torch whose device, they get.

    Returns:
        List of tensors.
    """
    if ON_TORCH and not torch.compiler.is_compiling():  # those of a trace are no values
        return _kept_constants(function, arguments, like.dtype, like.device)
    return [keras.ops.cast(array, like.dtype) for array in function(*arguments)]


@functools.lru_cache(maxsize=64)
def _kept_constants(function, arguments, dtype, device):
    return [
        torch.as_tensor(array, dtype=dtype, device=device)
        for array in function(*arguments)
    ]


def _values(*tensors):
    return [x.value if isinstance(x, keras.Variable) else x for x in tensors]
