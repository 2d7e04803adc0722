"""What torch has in one kernel; XLA and TensorFlow's graphs fuse by themselves."""

import functools

import keras

from keras_sphere.backend.one_kernel import ON_TORCH, one_kernel

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
        return _multiply_add(*_values(x, factor, added))
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
        return _rms_normalization(x, *_values(scale), epsilon)
    return keras.ops.rms_normalization(x, scale, epsilon=epsilon)


def modulated_normalization(x, scale, epsilon, added, factor):
    """`rms_normalization(x, scale, epsilon) (1 + factor) + added`.

    Args:
        x: Float tensor of shape `(batch, num_tokens, channels)`.
        scale: Tensor or variable of shape `(channels,)`.
        epsilon: Float.
        added: Float tensor of shape `(batch, 1, channels)`.
        factor: Float tensor of shape `(batch, 1, channels)`.

    Returns:
        Float tensor of the shape and dtype of `x`.
    """
    if ON_TORCH:
        return _modulated_normalization(x, *_values(scale), epsilon, added, factor)
    return rms_normalization(x, scale, epsilon) * (1.0 + factor) + added


def gated_silu(gate, x):
    """`silu(gate) x`, for tensors of one shape."""
    if ON_TORCH:
        return _gated_silu(gate, x)
    return keras.ops.silu(gate) * x


def rotate(x, cosines, signed_sines):
    """Rotates adjacent pairs of channels: (a, b) -> (a cos - b sin, b cos + a sin).

    Args:
        x: Float tensor of shape `(..., d)`.
        cosines: Tensor of its dtype that broadcasts to its shape.
        signed_sines: Tensor like `cosines`: the sines, negative in the places of a.

    Returns:
        Float tensor of the shape and dtype of `x`.
    """
    ops = keras.ops
    shape = ops.shape(x)
    pairs = ops.reshape(x, (*shape[:-1], x.shape[-1] // 2, 2))
    exchanged = ops.reshape(ops.flip(pairs, axis=-1), shape)
    return multiply_add(exchanged, signed_sines, x * cosines)


def rotate_queries_and_keys(qkv, cosines, signed_sines):
    """Queries and keys, rotated as by `rotate`, and values.

    Args:
        qkv: Float tensor of shape `(batch, num_tokens, 3, num_heads, head_dim)`.
        cosines: Tensor of its dtype, of shape `(num_tokens, head_dim)`.
        signed_sines: Tensor like `cosines`.

    Returns:
        Three tensors of shape `(batch, num_tokens, num_heads, head_dim)`.
    """
    tables = (table[:, None, None] for table in (cosines, signed_sines))
    if ON_TORCH:  # slices would each pass a gradient of the size of `qkv`
        return _rotate_queries_and_keys(qkv, *tables)
    return *keras.ops.unstack(rotate(qkv[:, :, :2], *tables), axis=2), qkv[:, :, 2]


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


if ON_TORCH:

    @one_kernel
    def _multiply_add(x, factor, added):
        return torch.addcmul(added, x, factor)

    @one_kernel
    def _rms_normalization(x, scale, epsilon):
        scale = None if scale is None else scale.to(x.dtype)
        return functional.rms_norm(x, x.shape[-1:], scale, epsilon)

    @one_kernel
    def _modulated_normalization(x, scale, epsilon, added, factor):
        normal = functional.rms_norm(x, x.shape[-1:], scale.to(x.dtype), epsilon)
        return torch.addcmul(added, normal, 1.0 + factor)

    @one_kernel
    def _gated_silu(gate, x):
        return functional.silu(gate) * x

    @one_kernel
    def _rotate_queries_and_keys(qkv, cosines, signed_sines):
        turning, values = torch.split(qkv, (2, 1), dim=2)
        exchanged = turning.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
        turned = torch.addcmul(turning * cosines, exchanged, signed_sines)
        if torch.compiler.is_compiling():  # a view would keep its gradient outside
            values = values.clone()
        return *turned.unbind(2), values.squeeze(2)
