"""Gaussians of features in batches, and their files."""

import numpy as np
import pytest

from keras_sphere.metrics import (
    Gaussian,
    GaussianFit,
    frechet_distance,
    frechet_distance_of_gaussians,
)

pytestmark = pytest.mark.any_backend


def features(count, seed, mean=0.0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, 5)) @ generator.normal(size=(5, 5)) + mean


def fit(rows, *cuts):
    result = GaussianFit(rows.shape[1])
    for part in np.split(rows, cuts):
        result.update(part)
    return result.gaussian()


@pytest.mark.parametrize("cuts", [(), (1, 2, 30), (17,)])
def test_batches_give_the_whole(cuts):
    rows = features(50, 0, mean=1e6)
    gaussian = fit(rows, *cuts)
    assert gaussian.count == 50
    np.testing.assert_allclose(gaussian.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(gaussian.covariance, np.cov(rows.T), atol=1e-7)


def test_distance_is_that_of_the_features():
    a, b = features(40, 1), features(4, 2, mean=0.3)
    assert frechet_distance_of_gaussians(fit(a), fit(b)) == pytest.approx(
        frechet_distance(a, b), rel=1e-7
    )
    with pytest.raises(ValueError, match="Received: 5 and 4"):
        frechet_distance_of_gaussians(fit(a), fit(b[:, :4]))


def test_files(tmp_path):
    gaussian, path = fit(features(30, 3)), tmp_path / "statistics.npz"
    gaussian.save(path)
    loaded = Gaussian.load(path)
    assert loaded.count == 30
    np.testing.assert_array_equal(loaded.mean, gaussian.mean)
    np.testing.assert_array_equal(loaded.covariance, gaussian.covariance)
    np.savez(path, mu=gaussian.mean.astype("float32"), sigma=gaussian.covariance)
    assert Gaussian.load(path).count is None
    assert Gaussian.load(path).mean.dtype == "float64"


@pytest.mark.parametrize(
    "arrays",
    [
        {"mu": np.zeros(3)},
        {"mu": np.zeros(3), "sigma": np.zeros((3, 2))},
        {"mu": np.full(2, np.nan), "sigma": np.eye(2)},
    ],
)
def test_other_files_are_refused(tmp_path, arrays):
    np.savez(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(ValueError, match=r"wrong\.npz must hold finite `mu`"):
        Gaussian.load(tmp_path / "wrong.npz")


def test_bad_features():
    with pytest.raises(ValueError, match="must have 5 columns"):
        GaussianFit(5).update(np.zeros((2, 4)))
    one = GaussianFit(2)
    one.update(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="Received: 1 items"):
        one.gaussian()
