"""Depthwise convolution, which XLA's CPU compiler needs to have spelled out.

On a CPU its convolutions of one group per channel take 14 to 80 times as long as the
sum of shifted products, and their gradients 7 to 70 times (jaxlib 0.10.2).
"""

import functools

import keras

if keras.backend.backend() == "jax":
    import jax


def depthwise_convolution(x, kernel, strides=1):
    """Convolves each channel by itself, with zeros around so that all pixels count.

    Args:
        x: Float tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(rows, columns, channels, 1)`, of the dtype of `x`.
        strides: Integer.

    Returns:
        Tensor of shape `(batch, ceil(height / strides), ceil(width / strides),
        channels)`.
    """
    if keras.backend.backend() == "jax" and jax.default_backend() == "cpu":
        return _program(strides)(x, kernel)
    return keras.ops.depthwise_conv(
        x, kernel, strides=strides, padding="same", data_format="channels_last"
    )


@functools.cache
def _program(strides):
    """One program also where operations run one by one."""
    return jax.jit(functools.partial(_shifted_products, strides=strides))


def _shifted_products(x, kernel, strides):
    """The sum over the kernel's places, in float32."""
    ops, dtype = keras.ops, x.dtype
    sides = [_same_padding(x.shape[a + 1], kernel.shape[a], strides) for a in (0, 1)]
    (rows, above, below), (columns, left, right) = sides
    x = ops.pad(ops.cast(x, "float32"), ((0, 0), (above, below), (left, right), (0, 0)))
    kernel = ops.cast(kernel, "float32")
    total = 0.0
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            seen_rows = slice(i, i + (rows - 1) * strides + 1, strides)
            seen_columns = slice(j, j + (columns - 1) * strides + 1, strides)
            total = total + x[:, seen_rows, seen_columns] * kernel[i, j, :, 0]
    return ops.cast(total, dtype)


def _same_padding(size, kernel_size, strides):
    """How many places there are along an axis, and the zeros before and after it."""
    places = -(-size // strides)
    zeros = max((places - 1) * strides + kernel_size - size, 0)
    return places, zeros // 2, zeros - zeros // 2
