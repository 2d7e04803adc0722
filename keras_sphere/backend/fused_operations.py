"""What torch has in one kernel; XLA and TensorFlow's graphs fuse by themselves."""

import functools
import itertools

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
        kernel, bias = values(kernel, bias)
        return functional.linear(x, kernel.T, bias)
    product = keras.ops.matmul(x, kernel)
    return product if bias is None else keras.ops.add(product, bias)


def dense_halves(x, kernel, bias=None):
    """`dense`, split into the first and the last half of the channels.

    By two products, so that both halves, and their gradients, are contiguous.

    Args:
        x: See `dense`, as for the others.
        kernel: Likewise.
        bias: Likewise.

    Returns:
        List of two tensors of shape `(..., units / 2)`.
    """
    if ON_TORCH:
        kernel, bias = values(kernel, bias)
    biases = (None, None) if bias is None else split(bias, 2)
    return [
        dense(x, half, bias)
        for half, bias in zip(split(kernel, 2), biases, strict=True)
    ]


def split(x, count):
    """`count` tensors of equal parts of the last axis, which `count` must divide."""
    return torch.chunk(x, count, -1) if ON_TORCH else keras.ops.split(x, count, axis=-1)


def multiply_add(x, factor, added):
    """`x factor + added`, for tensors or variables that broadcast to `x` or `added`."""
    if ON_TORCH:
        x, factor, added = values(x, factor, added)
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
        (scale,) = values(scale)
        scale = None if scale is None else scale.to(x.dtype)
        return functional.rms_norm(x, x.shape[-1:], scale, epsilon)
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
    normal = rms_normalization(x, scale, epsilon)
    return multiply_add(normal, 1.0 + factor, added)


def silu(x):
    """`x sigmoid(x)`."""
    return functional.silu(x) if ON_TORCH else keras.ops.silu(x)


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


def rotary_attention(qkv, num_heads, cosines, signed_sines, norm=None):
    """Softmax attention without a mask, of queries and keys rotated by `rotate`.

    Scores are scaled by the root of the head's width.

    Args:
        qkv: Float tensor of shape `(batch, num_tokens, 3 channels)`: queries, keys and
            values, each split into heads contiguously.
        num_heads: Integer.
        cosines: Tensor of its dtype, of shape `(num_tokens, channels / num_heads)`.
        signed_sines: Tensor like `cosines`.
        norm: `None`, or scales of queries and of keys, of shape `(channels /
            num_heads,)`, and an epsilon: before they are rotated, both are normalised
            over the channels of each head, see `rms_normalization`.

    Returns:
        Float tensor of shape `(batch, num_tokens, channels)`.
    """
    tables = [table[:, None, None] for table in (cosines, signed_sines)]
    if ON_TORCH:
        return _rotary_attention(qkv, num_heads, *tables, norm)
    ops, num_tokens = keras.ops, qkv.shape[1]
    qkv = ops.reshape(qkv, (-1, num_tokens, 3, num_heads, cosines.shape[-1]))
    turning = _normalized_pair(qkv[:, :, :2], norm)
    queries, keys = ops.unstack(rotate(turning, *tables), axis=2)
    mixed = ops.dot_product_attention(queries, keys, qkv[:, :, 2])
    return ops.reshape(mixed, (-1, num_tokens, num_heads * cosines.shape[-1]))


def rotate_halves(x, cosines, signed_sines):
    """Rotates channel i with channel i + d/2, as `rotate` does adjacent ones.

    Args:
        x: Float tensor of shape `(..., d)`.
        cosines: Tensor of its dtype that broadcasts to its shape.
        signed_sines: Tensor like `cosines`: the sines, negative in the first half.

    Returns:
        Float tensor of the shape and dtype of `x`.
    """
    exchanged = keras.ops.roll(x, x.shape[-1] // 2, axis=-1)
    return multiply_add(exchanged, signed_sines, x * cosines)


def half_rotary_attention(queries, keys, values, num_heads, cosines, signed_sines):
    """`rotary_attention`, with queries and keys rotated by `rotate_halves`.

    Args:
        queries: Float tensor of shape `(batch, num_tokens, channels)`, split into
            heads contiguously.
        keys: Tensor like `queries`.
        values: Tensor like `queries`.
        num_heads: Integer.
        cosines: Tensor of their dtype, of shape `(num_tokens, channels / num_heads)`.
        signed_sines: Tensor like `cosines`.

    Returns:
        Float tensor of shape `(batch, num_tokens, channels)`.
    """
    ops, (num_tokens, channels) = keras.ops, queries.shape[1:]
    heads = (-1, num_tokens, num_heads, channels // num_heads)
    queries, keys, values = (ops.reshape(x, heads) for x in (queries, keys, values))
    tables = [table[:, None] for table in (cosines, signed_sines)]
    queries, keys = (rotate_halves(x, *tables) for x in (queries, keys))
    if ON_TORCH:  # Keras' attention would copy all three
        heads_first = (x.transpose(1, 2) for x in (queries, keys, values))
        mixed = functional.scaled_dot_product_attention(*heads_first).transpose(1, 2)
    else:
        mixed = ops.dot_product_attention(queries, keys, values)
    return ops.reshape(mixed, (-1, num_tokens, channels))


def cast_floats(tensors, dtype):
    """Tensors of floats in another dtype, and integers as they are.

    Args:
        tensors: List of tensors.
        dtype: String.

    Returns:
        List of tensors.
    """
    is_float = [keras.backend.is_float_dtype(tensor.dtype) for tensor in tensors]
    floats = list(itertools.compress(tensors, is_float))
    if ON_TORCH:
        dtype = getattr(torch, dtype)
        cast = [torch.empty_like(tensor, dtype=dtype) for tensor in floats]
        torch._foreach_copy_(cast, floats)
    else:
        cast = [keras.ops.cast(tensor, dtype) for tensor in floats]
    cast = iter(cast)
    return [
        next(cast) if known else tensor
        for tensor, known in zip(tensors, is_float, strict=True)
    ]


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


def values(*operands):
    """List of the operands, with the values of variables in their place."""
    return [x.value if isinstance(x, keras.Variable) else x for x in operands]


def _normalized_pair(queries_and_keys, norm):
    if norm is None:
        return queries_and_keys
    scales = keras.ops.stack(values(*norm[:2]))[:, None]
    normal = rms_normalization(queries_and_keys, None, norm[2])
    return normal * keras.ops.cast(scales, normal.dtype)


def _rotary_attention(qkv, num_heads, cosines, signed_sines, norm):
    # Slices would each pass a gradient of the size of `qkv`; Keras' attention
    # would copy all three.
    qkv = qkv.unflatten(-1, (3, num_heads, -1))
    turning, values = torch.split(qkv, (2, 1), dim=2)
    turning = _normalized_pair(turning, norm)
    exchanged = turning.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    turned = torch.addcmul(turning * cosines, exchanged, signed_sines)
    heads_first = (x.transpose(1, 2) for x in (*turned.unbind(2), values[:, :, 0]))
    mixed = functional.scaled_dot_product_attention(*heads_first)
    return mixed.transpose(1, 2).flatten(-2)
