"""Rotary position embedding on a square grid of tokens (axial RoPE)."""

import numpy as np


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
    """`rotary_table` with the sines of even channels negative, as `rotate` takes it."""
    cosines, sines = rotary_table(head_dim, grid_size, num_prefix_tokens)
    sines[:, ::2] *= -1.0
    return cosines, sines
