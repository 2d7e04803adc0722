"""Measures that compare sets of features through their nearest neighbors."""

import numpy as np

from keras_sphere.metrics.features import as_features, check_same_width
from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import Array, ArrayLike
from keras_sphere.validation import read_integer

BLOCK_ITEMS = 1024
PACKAGE = ("scipy.spatial.distance", "Comparing neighbors")


def precision_recall(
    real: ArrayLike, fake: ArrayLike, num_neighbors: int = 3
) -> tuple[float, float]:
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
    values = neighbor_measures(real, fake, num_neighbors, num_neighbors)
    return values["precision"], values["recall"]


def density_coverage(
    real: ArrayLike, fake: ArrayLike, num_neighbors: int = 5
) -> tuple[float, float]:
    """Density and coverage of generated features against real ones.

    Both use the balls around the real items only, each reaching to its k-th nearest
    neighbor among them. Density is how many of them a sample lies in, on average, by
    k: it is no share and exceeds 1 where samples crowd where real items do. Coverage
    is the share of them with a sample inside. One outlier among the samples changes
    neither much, other than recall.

    Args:
        real: Array of shape `(items, features)`; more axes are flattened.
        fake: Array of shape `(other_items, features)`.
        num_neighbors: Integer, k. Each set needs more items than that. Defaults to
            `5`.

    Returns:
        Pair of floats: density, at least 0, and coverage, in [0, 1].

    Raises:
        ValueError: As `precision_recall`.

    Reference:
        - [Naeem et al., 2020](https://arxiv.org/abs/2002.09797)
    """
    num_neighbors = read_integer("num_neighbors", num_neighbors)
    values = neighbor_measures(real, fake, num_neighbors, num_neighbors)
    return values["density"], values["coverage"]


def neighbor_measures(
    real: ArrayLike, fake: ArrayLike, num_neighbors: int = 3, density_neighbors: int = 5
) -> dict[str, float]:
    """What `precision_recall`, `density_coverage` and `nearest_distances` say, at once.

    Each distance is computed once.

    Args:
        real: Array of shape `(items, features)`; more axes are flattened.
        fake: Array of shape `(other_items, features)`.
        num_neighbors: Integer. Of precision and recall.
        density_neighbors: Integer. Of density and coverage.

    Returns:
        Dict of floats: `precision`, `recall`, `density`, `coverage`, and `nearest`,
        the median distance of `fake` to the nearest of `real`.

    Raises:
        ValueError: As `precision_recall`.
    """
    least = 1 + max(num_neighbors, density_neighbors)
    real = as_features("real", real, min_items=least)
    fake = as_features("fake", fake, min_items=least)
    check_same_width(real=real, fake=fake)
    real_radii, density_radii = _radii(real, num_neighbors, density_neighbors)
    (fake_radii,) = _radii(fake, num_neighbors)
    precise, nearest, density = [], [], 0
    recalled, reach = np.zeros(len(real), bool), np.full(len(real), np.inf)
    for start, distances in _distance_blocks(fake, real):
        own_radii = fake_radii[start : start + len(distances), np.newaxis]
        precise.append(np.any(distances <= real_radii, axis=1))
        recalled |= np.any(distances <= own_radii, axis=0)
        density += np.sum(distances <= density_radii)
        reach = np.minimum(reach, distances.min(axis=0))
        nearest.append(distances.min(axis=1))
    return {
        "precision": float(np.mean(np.concatenate(precise))),
        "recall": float(np.mean(recalled)),
        "density": float(density) / (density_neighbors * len(fake)),
        "coverage": float(np.mean(reach <= density_radii)),
        "nearest": float(np.median(np.concatenate(nearest))),
    }


def nearest_distances(samples: ArrayLike, references: ArrayLike) -> Array:
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


def nearest_neighbors(samples: ArrayLike, references: ArrayLike) -> tuple[Array, Array]:
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
        for _, distances in _distance_blocks(samples, references)
    ]
    distances, indices = map(np.concatenate, zip(*blocks, strict=True))
    return distances, indices


def _radii(centers, *ranks):
    """Distances of each item to its neighbors of these ranks, an array per rank."""
    # The nearest of an item is itself, at distance 0.
    blocks = [
        np.partition(distances, ranks, axis=1)[:, ranks]
        for _, distances in _distance_blocks(centers, centers)
    ]
    return np.concatenate(blocks).T


def _distance_blocks(points, centers):
    """Yields the first of up to BLOCK_ITEMS points, and their distances `(points,
    centers)`: the memory is bounded.
    """
    spatial = import_optional(*PACKAGE)
    for start in range(0, len(points), BLOCK_ITEMS):
        yield start, spatial.cdist(points[start : start + BLOCK_ITEMS], centers)
