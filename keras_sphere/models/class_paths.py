"""Paths between classes: labels that mix the class vectors of a backbone."""

import keras
import numpy as np

from keras_sphere.models.conditions import class_weights

METHODS = ("lerp", "slerp", "hard")


def between(backbone, ends, shares, method="lerp"):
    """Labels along paths from one class to another.

    Args:
        backbone: `SphereEncoderBackbone`.
        ends: Pair of what `read_labels` returns for all paths.
        shares: Array of shape `(points,)`: 0 is the start, 1 the end.
        method: One of `METHODS`: the class vectors are mixed, one turns into the other
            on the great circle of their channels, or the end's begins in the middle.

    Returns:
        Labels as `read_labels` returns them, path by path, or `None` for the null class
        alone.

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), interpolation.
    """
    if method == "hard":
        shares = np.asarray(shares >= 0.5, "float32")
    weights = np.stack([1.0 - shares, shares], axis=1)
    if method == "slerp" and ends[0] is not None:
        weights = _slerp_weights(backbone, ends, shares)
    return mixed(backbone, ends, weights)


def mixed(backbone, corners, weights):
    """Labels that mix those of several corners.

    Args:
        backbone: `SphereEncoderBackbone`.
        corners: List, one entry per corner, of what `read_labels` returns for all
            paths.
        weights: Array of shape `(points, corners)`, or `(paths, points, corners)`: the
            share of each corner in each point.

    Returns:
        See `between`.
    """
    if corners[0] is None:
        return None
    num_points = weights.shape[-2]
    if all(np.array_equal(corner, corners[0]) for corner in corners[1:]):
        return np.repeat(corners[0], num_points, axis=0)
    table = np.stack([class_weights(backbone, corner) for corner in corners])
    weights = np.broadcast_to(weights, (table.shape[1], *weights.shape[-2:]))
    rows = np.einsum("kpe,ekc->kpc", weights, table)
    return rows.reshape(-1, rows.shape[-1]).astype("float32")


def _slerp_weights(backbone, ends, shares):
    """Weights of both class vectors on the great circle between them, per path."""
    table = backbone.decoder.transformer.label_embedding.table
    table = keras.ops.convert_to_numpy(table).astype("float64")
    start, end = (class_weights(backbone, labels) @ table for labels in ends)
    norms = np.linalg.norm(start, axis=1) * np.linalg.norm(end, axis=1)
    cosines = np.sum(start * end, axis=1) / (norms + 1e-8)
    radians = np.arccos(np.clip(cosines, -1.0 + 1e-6, 1.0 - 1e-6))[:, None]
    parts = [np.sin((1.0 - shares) * radians), np.sin(shares * radians)]
    return np.stack(parts, axis=-1) / np.sin(radians)[..., None]
