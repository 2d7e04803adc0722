"""Rotary position embedding on a square grid of tokens (axial RoPE)."""

import numpy as np


def rotary_table(head_dim, grid_size, num_prefix_tokens=0, position_grid=None):
    """Cosines and sines of the rotation of every token and channel.

    Frequencies are `10000^(-2i/(d/2))` for i < d/4, each twice in a row, d/2 per
    axis. The angles are [row f, column f]: here the row comes first, the reverse of
    the position table. Prefix tokens are not rotated.

    Args:
        head_dim: Integer d, divisible by 4.
        grid_size: Integer. Tokens per side.
        num_prefix_tokens: Integer. Tokens in front of the grid.
        position_grid: Integer. Tokens per side of the grid that the positions are
            those of, by default `grid_size`: the tokens lie evenly in its place.

    Returns:
        Pair of float32 arrays of shape `(num_prefix_tokens + grid_size**2, d)`.
    """
    exponents = np.arange(head_dim // 4, dtype="float64") * 2.0 / (head_dim // 2)
    frequencies = np.repeat(10000.0**-exponents, 2)
    rows, columns = np.divmod(np.arange(grid_size**2), grid_size)
    if position_grid is not None:
        rows, columns = (
            (places + 0.5) * (position_grid / grid_size) - 0.5
            for places in (rows, columns)
        )
    angles = np.concatenate(
        [np.outer(rows, frequencies), np.outer(columns, frequencies)], axis=1
    )
    angles = np.pad(angles, ((num_prefix_tokens, 0), (0, 0)))
    return np.cos(angles).astype("float32"), np.sin(angles).astype("float32")


def rotation(head_dim, grid_size, num_prefix_tokens=0, position_grid=None):
    """`rotary_table` with the sines of even channels negative, as `rotate` takes it."""
    cosines, sines = rotary_table(head_dim, grid_size, num_prefix_tokens, position_grid)
    sines[:, ::2] *= -1.0
    return cosines, sines


def centered_rotation(head_dim, grid_size, theta, num_prefix_tokens=0):
    """Cosines and signed sines of DINOv3's rotation, as `rotate_halves` takes them.

    A token's place is the center of its patch in an image that reaches from -1 to 1,
    whatever the grid. Frequencies are `2 pi theta^(-4i/d)` for i < d/4; the angles are
    [row f, column f], for the first half of the channels and again for the second.
    Prefix tokens are not rotated.

    Args:
        head_dim: Integer d, divisible by 4.
        grid_size: Integer. Tokens per side.
        theta: Float.
        num_prefix_tokens: Integer. Tokens in front of the grid.

    Returns:
        Pair of float32 arrays of shape `(num_prefix_tokens + grid_size**2, d)`; the
        sines of the first half of the channels are negative.
    """
    quarter = head_dim // 4
    frequencies = 2.0 * np.pi * theta ** (-np.arange(quarter) / quarter)
    centers = (2.0 * np.arange(grid_size) + 1.0) / grid_size - 1.0
    rows, columns = (np.ravel(p) for p in np.meshgrid(centers, centers, indexing="ij"))
    angles = [np.outer(places, frequencies) for places in (rows, columns)]
    angles = np.concatenate([*angles, *angles], axis=1)
    angles = np.pad(angles, ((num_prefix_tokens, 0), (0, 0)))
    sines = np.sin(angles)
    sines[:, : head_dim // 2] *= -1.0
    return np.cos(angles).astype("float32"), sines.astype("float32")
