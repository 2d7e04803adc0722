"""Rotary position embedding on a square grid of tokens (axial RoPE)."""

import keras
import numpy as np

from keras_sphere.backend.fused_operations import multiply_add


def rotary_table(head_dim, grid_size, num_prefix_tokens=0):
    """Cosines and sines of the rotation of every token and channel.

    Frequencies are `10000^(-2i/(d/2))` for i < d/4, each twice in a row, d/2 per
    axis. The angles are [row f, column f]: here the row comes first, the reverse of
    the position table. Prefix tokens are not rotated.

    Args:
        head_dim: Integer d, divisible by 4.
        grid_size: Integer. Tokens per side.
        num_prefix_tokens: Integer. Tokens in front of the grid.

    Returns:
        Pair of float32 arrays of shape `(num_prefix_tokens + grid_size**2, d)`.
    """
    exponents = np.arange(head_dim // 4, dtype="float64") * 2.0 / (head_dim // 2)
    frequencies = np.repeat(10000.0**-exponents, 2)
    rows, columns = np.divmod(np.arange(grid_size**2), grid_size)
    angles = np.concatenate(
        [np.outer(rows, frequencies), np.outer(columns, frequencies)], axis=1
    )
    angles = np.pad(angles, ((num_prefix_tokens, 0), (0, 0)))
    return np.cos(angles).astype("float32"), np.sin(angles).astype("float32")


def rotation(head_dim, grid_size, num_prefix_tokens=0):
    """What `rotate` takes: `rotary_table` with the sines of even channels negative."""
    cosines, sines = rotary_table(head_dim, grid_size, num_prefix_tokens)
    sines[:, ::2] *= -1.0
    return cosines, sines


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
