"""Distance between the Gaussians of two sets of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keras_sphere.metrics.features import as_features, check_same_width
from keras_sphere.typing import ArrayLike

if TYPE_CHECKING:
    from keras_sphere.metrics.gaussian import Gaussian


def frechet_distance(features_a: ArrayLike, features_b: ArrayLike) -> float:
    """Frechet distance between the Gaussians fitted to two sets of features.

    `|m_a - m_b|^2 + tr(C_a) + tr(C_b) - 2 tr((C_a C_b)^(1/2))`, with the means `m`
    and the unbiased covariances `C`. On features of an Inception network it is the
    FID. It is biased upwards on small sets: compare only sets of equal size, and
    give the distance of real images beside it.

    The last trace is the nuclear norm of `R_a R_b^T`, where `C = R^T R` comes from
    a QR decomposition of the centered features, so that no matrix root is taken
    and a singular covariance does no harm.

    Args:
        features_a: Array of shape `(items, features)`, at least 2 items; more axes
            are flattened.
        features_b: Array of shape `(other_items, features)`, at least 2 items.

    Returns:
        Float, at least 0, in squared units of the features.

    Raises:
        ValueError: If a set has fewer than 2 items or values that are not finite,
            or the numbers of features differ.

    Reference:
        - [Heusel et al., 2017](https://arxiv.org/abs/1706.08500)

    Example:

    >>> real, fake = np.random.normal(size=(2, 500, 8))
    >>> distance = keras_sphere.metrics.frechet_distance(real, fake)
    """
    a = as_features("features_a", features_a, min_items=2)
    b = as_features("features_b", features_b, min_items=2)
    check_same_width(features_a=a, features_b=b)
    return _distance(
        (a.mean(axis=0), _root_of_features(a)), (b.mean(axis=0), _root_of_features(b))
    )


def frechet_distance_of_gaussians(a: Gaussian, b: Gaussian) -> float:
    """The same of two Gaussians, such as those of a file of statistics.

    Args:
        a: `Gaussian`.
        b: `Gaussian` of as many features.

    Returns:
        Float, at least 0.

    Raises:
        ValueError: If the numbers of features differ.
    """
    if len(a.mean) != len(b.mean):
        raise ValueError(
            "The Gaussians must be of the same number of features. Received: "
            f"{len(a.mean)} and {len(b.mean)}"
        )
    return _distance(
        (a.mean, _root_of_covariance(a.covariance)),
        (b.mean, _root_of_covariance(b.covariance)),
    )


def _distance(a, b):
    (mean_a, root_a), (mean_b, root_b) = a, b
    shift = np.sum(np.square(mean_a - mean_b))
    spread = np.sum(np.square(root_a)) + np.sum(np.square(root_b))
    overlap = np.linalg.norm(root_a @ root_b.T, "nuc")
    return max(float(shift + spread - 2.0 * overlap), 0.0)


def _root_of_features(features):
    """Returns `R` with `R^T R` the unbiased covariance of the features."""
    centered = features - features.mean(axis=0)
    return np.linalg.qr(centered, mode="r") / np.sqrt(len(features) - 1)


def _root_of_covariance(covariance):
    values, vectors = np.linalg.eigh(covariance)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
