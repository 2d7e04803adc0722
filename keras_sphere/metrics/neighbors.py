"""Measures that compare sets of features through their nearest neighbors."""

import numpy as np

from keras_sphere.metrics.features import as_features, check_same_width
from keras_sphere.optional_imports import import_optional
from keras_sphere.validation import read_integer

BLOCK_ITEMS = 1024


def precision_recall(real, fake, num_neighbors=3):
    """Precision and recall of generated features against real ones.

    The manifold of a set is the union of balls around its items, each reaching to
    the item's k-th nearest neighbor in the same set. Precision is the share of
    `fake` inside the manifold of `real` (are the samples realistic?); recall is the
    share of `real` inside the manifold of `fake` (is everything covered?). Both
    change with the numbers of items: give the values of a held-out real set beside
    them.

    Args:
        real: Array of shape `(items, features)`; more axes are flattened.
        fake: Array of shape `(other_items, features)`.
        num_neighbors: Integer, k. Each set needs more items than that. Defaults to
            `3`.

    Returns:
        Pair of floats in [0, 1]: precision, recall.

    Raises:
        ImportError: If SciPy is not installed.
        ValueError: If a set is too small or not finite, the numbers of features
            differ, or `num_neighbors` is not an integer of at least 1.

    Reference:
        - [Kynkaanniemi et al., 2019](https://arxiv.org/abs/1904.06991)
    """
    num_neighbors = read_integer("num_neighbors", num_neighbors)
    real = as_features("real", real, min_items=num_neighbors + 1)
    fake = as_features("fake", fake, min_items=num_neighbors + 1)
    check_same_width(real=real, fake=fake)
    precision = _share_inside(fake, real, num_neighbors)
    recall = _share_inside(real, fake, num_neighbors)
    return precision, recall


def nearest_distances(samples, references):
    """Euclidean distance of each sample to the nearest reference.

    Against training images it shows memorization: samples much nearer to them than
    unseen real images are have been copied.

    Args:
        samples: Array of shape `(items, features)`; more axes are flattened.
        references: Array of shape `(other_items, features)`.

    Returns:
        float64 array of shape `(items,)`.

    Raises:
        ImportError: If SciPy is not installed.
        ValueError: If a set is empty or not finite, or the numbers of features
            differ.
    """
    return nearest_neighbors(samples, references)[0]


def nearest_neighbors(samples, references):
    """As `nearest_distances`, with the index of the nearest reference of each sample.

    Returns:
        Pair of a float64 array of distances and an integer array of indices, each of
        shape `(items,)`.
    """
    samples = as_features("samples", samples)
    references = as_features("references", references)
    check_same_width(samples=samples, references=references)
    blocks = [
        (distances.min(axis=1), distances.argmin(axis=1))
        for distances in _distance_blocks(samples, references)
    ]
    return tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))


def _share_inside(points, centers, num_neighbors):
    """Share of points inside at least one k-nearest-neighbor ball of the centers."""
    # The nearest center of a center is itself, at distance 0.
    own = _distance_blocks(centers, centers)
    radii = np.concatenate(
        [np.partition(distances, num_neighbors)[:, num_neighbors] for distances in own]
    )
    blocks = _distance_blocks(points, centers)
    inside = [np.any(distances <= radii, axis=1) for distances in blocks]
    return float(np.mean(np.concatenate(inside)))


def _distance_blocks(points, centers):
    """Yields distances `(up to BLOCK_ITEMS points, centers)`, bounding the memory."""
    spatial = import_optional("scipy.spatial.distance", "Comparing neighbors")
    for start in range(0, len(points), BLOCK_ITEMS):
        yield spatial.cdist(points[start : start + BLOCK_ITEMS], centers)
