"""Kernel distance between two sets of features, on Inception features the KID."""

import numpy as np

from keras_sphere.metrics.features import as_features, check_same_width
from keras_sphere.typing import ArrayLike
from keras_sphere.validation import read_integer, read_seed


def kernel_distance(
    features_a: ArrayLike,
    features_b: ArrayLike,
    subset_size: int = 1000,
    num_subsets: int = 100,
    seed: int = 0,
) -> tuple[float, float]:
    """Squared maximum mean discrepancy with the kernel `(<x, y> / d + 1)^3`.

    The unbiased estimate, averaged over random subsets. Unlike the Frechet distance it
    has no bias on small sets, and can be slightly negative.

    Args:
        features_a: Array of shape `(items, features)`.
        features_b: Array of shape `(other_items, features)`.
        subset_size: Integer, at least 2; at most the items of the smaller set are
            taken.
        num_subsets: Integer.
        seed: Integer. Of the subsets.

    Returns:
        Pair of floats, the mean over the subsets and their standard deviation.

    Raises:
        ValueError: If a set has fewer than 2 items or values that are not finite, or
            the numbers of features differ.

    Reference:
        - [Binkowski et al., 2018](https://arxiv.org/abs/1801.01401)
    """
    subset_size = read_integer("subset_size", subset_size)
    num_subsets = read_integer("num_subsets", num_subsets)
    a = as_features("features_a", features_a, min_items=2)
    b = as_features("features_b", features_b, min_items=2)
    check_same_width(features_a=a, features_b=b)
    size = max(min(subset_size, len(a), len(b)), 2)
    generator = np.random.default_rng(read_seed("seed", seed))
    values = [
        unbiased_discrepancy(
            a[generator.choice(len(a), size, replace=False)],
            b[generator.choice(len(b), size, replace=False)],
        )
        for _ in range(num_subsets)
    ]
    return float(np.mean(values)), float(np.std(values))


def unbiased_discrepancy(a, b):
    """The estimate of `kernel_distance` on two whole sets."""

    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1.0) ** 3

    def mean_of_pairs(x):
        values = kernel(x, x)
        return (values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))

    return mean_of_pairs(a) + mean_of_pairs(b) - 2.0 * kernel(a, b).mean()
