"""Whether points fill a sphere evenly: exact laws, and tests against them.

Points are rows; only their directions count. In `d` dimensions the cosine `t` between
a uniform point and any fixed direction has `(1 + t) / 2 ~ Beta((d - 1)/2, (d - 1)/2)`.
"""

import dataclasses
from typing import Any

import numpy as np

from keras_sphere.metrics.features import as_features
from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import Array, ArrayLike
from keras_sphere.validation import read_integer, read_positive, read_seed

BLOCK_ITEMS = 1024
PACKAGE = ("scipy.stats", "The law of angles")


@dataclasses.dataclass(frozen=True)
class UniformityTest:
    """A distance to the uniform law, beside what uniform points have.

    Args:
        value: Float. Of the points.
        null: float64 array. Values of as many uniform points, drawn anew each time.
    """

    value: float
    null: np.ndarray

    @property
    def p_value(self) -> float:
        """Share of uniform sets at least as far from uniform, the points counted in."""
        return float((1 + np.sum(self.null >= self.value)) / (1 + len(self.null)))


def cosine_law(dimensions: int) -> Any:
    """The law of the cosine between two uniform points, a frozen SciPy distribution.

    Args:
        dimensions: Integer, at least 2.
    """
    stats = import_optional(*PACKAGE)
    half = (dimensions - 1) / 2.0
    return stats.beta(half, half, loc=-1.0, scale=2.0)


def pair_angles(points: ArrayLike, num_pairs: int = 100_000, seed: int = 0) -> Array:
    """Angles in degrees of random pairs of different points.

    Args:
        points: Array of shape `(items, dimensions)`, at least 2 items; more axes are
            flattened.
        num_pairs: Integer.
        seed: Integer. Of the choice of pairs.

    Returns:
        float64 array of shape `(num_pairs,)`.
    """
    num_pairs = read_integer("num_pairs", num_pairs)
    points = _unit(points, min_items=2)
    generator = np.random.default_rng(read_seed("seed", seed))
    first = generator.integers(len(points), size=num_pairs)
    second = (first + generator.integers(1, len(points), size=num_pairs)) % len(points)
    cosines = np.concatenate(
        [
            np.einsum("id,id->i", points[a], points[b])
            for a, b in zip(
                np.array_split(first, num_pairs // BLOCK_ITEMS + 1),
                np.array_split(second, num_pairs // BLOCK_ITEMS + 1),
                strict=True,
            )
        ]
    )
    return np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))


def sliced_wasserstein_test(
    points: ArrayLike, num_directions: int = 128, num_null: int = 100, seed: int = 0
) -> UniformityTest:
    """Sliced Wasserstein distance of points to the uniform law of their sphere.

    The mean over random directions of the first Wasserstein distance between the
    cosines to that direction and their exact law, in units of the law's standard
    deviation `1 / sqrt(d)`.

    Args:
        points: Array of shape `(items, dimensions)`; more axes are flattened.
        num_directions: Integer.
        num_null: Integer. Uniform sets to compare with.
        seed: Integer. Of directions and uniform sets.

    Returns:
        `UniformityTest`.
    """
    num_directions = read_integer("num_directions", num_directions)
    num_null = read_integer("num_null", num_null)
    points = _unit(points)
    count, dimensions = points.shape
    generator = np.random.default_rng(read_seed("seed", seed))
    directions = _uniform(generator, num_directions, dimensions)
    quantiles = cosine_law(dimensions).ppf((np.arange(count) + 0.5) / count)

    def distance(rows):
        cosines = np.sort(rows @ directions.T, axis=0)
        difference = np.abs(cosines - quantiles[:, None])
        return float(difference.mean() * np.sqrt(dimensions))

    null = [distance(_uniform(generator, count, dimensions)) for _ in range(num_null)]
    return UniformityTest(distance(points), np.array(null))


def cone_coverage(
    points: ArrayLike, angle_degrees: float, num_samples: int = 2000, seed: int = 0
) -> tuple[float, Array]:
    """Share of the sphere within an angle of some point, and how far the rest is.

    Args:
        points: Array of shape `(items, dimensions)`; more axes are flattened.
        angle_degrees: Float. Half the opening of the cone around each point, such as
            the largest noise angle of training.
        num_samples: Integer. Uniform points that stand for the sphere.
        seed: Integer.

    Returns:
        Pair of a float, the share, and a float64 array of shape `(num_samples,)`, the
        angles in degrees to the nearest point.
    """
    angle_degrees = read_positive("angle_degrees", angle_degrees)
    num_samples = read_integer("num_samples", num_samples)
    points = _unit(points)
    samples = _uniform(
        np.random.default_rng(read_seed("seed", seed)), num_samples, points.shape[1]
    )
    nearest = np.concatenate(
        [
            (samples[start : start + BLOCK_ITEMS] @ points.T).max(axis=1)
            for start in range(0, num_samples, BLOCK_ITEMS)
        ]
    )
    angles = np.degrees(np.arccos(np.clip(nearest, -1.0, 1.0)))
    return float(np.mean(angles <= angle_degrees)), angles


def _uniform(generator, count, dimensions):
    return _unit(generator.standard_normal((count, dimensions)))


def _unit(points, min_items=1):
    points = as_features("points", points, min_items=min_items)
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    if np.any(norms == 0.0):
        raise ValueError(
            "`points` must have a direction. Received: points with a row of zeros"
        )
    return points / norms
