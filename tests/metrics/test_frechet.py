"""Frechet distance against closed forms."""

import numpy as np
import pytest
from scipy import linalg

from keras_sphere.metrics import (
    Gaussian,
    frechet_distance,
    frechet_distance_of_gaussians,
)

pytestmark = pytest.mark.any_backend


def exact_gaussian(items, root, mean, seed):
    """Features whose sample mean and covariance, `root root^T`, are exact."""
    raw = np.random.default_rng(seed).normal(size=(items, len(mean)))
    raw -= raw.mean(axis=0)
    raw = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    return raw @ np.asarray(root).T + mean


@pytest.mark.parametrize("seed", range(3))
def test_axis_aligned_gaussians(seed):
    scales_a, scales_b = np.array([1.0, 2.0, 0.5]), np.array([3.0, 1.0, 0.5])
    mean_a, mean_b = np.array([0.0, 1.0, -2.0]), np.array([2.0, 1.0, 0.0])
    a = exact_gaussian(40, np.diag(scales_a), mean_a, seed)
    b = exact_gaussian(70, np.diag(scales_b), mean_b, seed + 100)
    expected = np.sum((mean_a - mean_b) ** 2) + np.sum((scales_a - scales_b) ** 2)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_any_covariances_agree_with_the_matrix_root(seed):
    generator = np.random.default_rng(seed)
    a = generator.normal(size=(60, 6)) @ generator.normal(size=(6, 6))
    b = generator.normal(size=(50, 6)) @ generator.normal(size=(6, 6)) + 1.0
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    root = np.real(linalg.sqrtm(cov_a @ cov_b))
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_a_set_to_itself_and_shifted():
    few = np.random.default_rng(0).normal(size=(5, 4, 5))  # singular covariance
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(few, few + 2.0) == pytest.approx(20 * 4.0, rel=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones((1, 3)), np.ones((5, 3)), "`features_a` must have the shape"),
        (np.ones((5, 3)), np.ones(5), "`features_b` must have the shape"),
        (np.ones((5, 3)), np.ones((5, 4)), "same number of features"),
        (np.ones((5, 3)), np.full((5, 3), np.nan), "`features_b` must be finite"),
    ],
)
def test_errors(a, b, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        frechet_distance(a, b)


def test_gaussians_of_other_networks_are_refused():
    three, four = (Gaussian(np.zeros(n), np.eye(n)) for n in (3, 4))
    assert frechet_distance_of_gaussians(three, three) == pytest.approx(0.0)
    with pytest.raises(ValueError, match=r"same number of features.*3 and 4"):
        frechet_distance_of_gaussians(three, four)
