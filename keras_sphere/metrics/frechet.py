"""Distance between the Gaussians of two sets of features."""

import numpy as np

from keras_sphere.metrics.features import as_features, check_same_width


def frechet_distance(features_a, features_b):
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
    """
    a = as_features("features_a", features_a, min_items=2)
    b = as_features("features_b", features_b, min_items=2)
    check_same_width(features_a=a, features_b=b)
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    shift = np.sum(np.square(a.mean(axis=0) - b.mean(axis=0)))
    spread = np.sum(np.square(root_a)) + np.sum(np.square(root_b))
    overlap = np.linalg.norm(root_a @ root_b.T, "nuc")
    return max(float(shift + spread - 2.0 * overlap), 0.0)


def _covariance_root(features):
    """Returns `R` with `R^T R` the unbiased covariance of the features."""
    centered = features - features.mean(axis=0)
    return np.linalg.qr(centered, mode="r") / np.sqrt(len(features) - 1)
