"""Paths and grids of latents: the geometry of interpolation, NumPy in and out."""

import keras
import numpy as np

from keras_sphere import geometry
from keras_sphere.validation import check_choice

PATH_METHODS = ("slerp", "lerp")


def path(start, end, shares, method="slerp", per_token=False):
    """Points between pairs of latents.

    Args:
        start: Array of shape `(pairs, num_tokens, token_channels)`.
        end: Array of the same shape.
        shares: Sequence of floats: 0 is the start, 1 the end.
        method: `"slerp"`, the great circle, or `"lerp"`, the straight line,
            projected.
        per_token: Boolean. Whether every token has a sphere, and so a great circle,
            of its own.

    Returns:
        float32 array of shape `(pairs, len(shares), num_tokens, token_channels)`, on
        the sphere.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), interpolation.
    """
    check_choice("method", method, PATH_METHODS)
    pairs, count = len(start), len(shares)
    start, end = (np.repeat(x, count, axis=0) for x in (start, end))
    shares = np.tile(np.asarray(shares, "float32"), pairs)
    if method == "lerp":
        points = geometry.lerp(start, end, shares, per_token)
    elif per_token:
        points = _slerp_tokens(start, end, shares)
    else:
        points = geometry.slerp(start, end, shares)
    points = keras.ops.convert_to_numpy(points)
    return points.reshape(pairs, count, *points.shape[1:])


def _slerp_tokens(start, end, shares):
    """`slerp` on the sphere of every token: as if each were a latent."""
    tokens = [x.reshape(-1, 1, x.shape[-1]) for x in (start, end)]
    points = geometry.slerp(*tokens, np.repeat(shares, start.shape[1]))
    return keras.ops.reshape(points, start.shape)


def grid(corners, num_rows, num_columns, per_token=False):
    """Bilinear interpolation between four latents; see `geometry.blerp`.

    Args:
        corners: Array of shape `(4, num_tokens, token_channels)`: top left, top
            right, bottom left, bottom right.
        num_rows: Integer.
        num_columns: Integer.
        per_token: Boolean. See `geometry.spherify`.

    Returns:
        float32 array of shape `(num_rows * num_columns, num_tokens,
        token_channels)`, row by row.
    """
    y, x = shares_of_grid(num_rows, num_columns)
    corners = [np.repeat(corner[None], len(x), axis=0) for corner in corners]
    return keras.ops.convert_to_numpy(geometry.blerp(*corners, x, y, per_token))


def shares_of_grid(num_rows, num_columns):
    """Shares of the way down and to the right of each cell of a grid, flattened."""
    down = np.linspace(0.0, 1.0, num_rows, dtype="float32")
    right = np.linspace(0.0, 1.0, num_columns, dtype="float32")
    return np.repeat(down, num_columns), np.tile(right, num_rows)


def grid_weights(num_rows, num_columns):
    """Weight of each corner in each cell, of shape `(cells, 4)`."""
    y, x = shares_of_grid(num_rows, num_columns)
    return np.stack([(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x], axis=1)
