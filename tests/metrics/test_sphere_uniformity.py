"""Laws and tests of uniformity on the sphere."""

import numpy as np
import pytest
from scipy import stats

from keras_sphere.metrics import (
    cone_coverage,
    cosine_law,
    pair_angles,
    sliced_wasserstein_test,
)

pytestmark = pytest.mark.any_backend


def uniform(count, dimensions, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dimensions))


@pytest.mark.parametrize("dimensions", [2, 3, 40])
def test_the_law_of_cosines(dimensions):
    a, b = uniform(2000, dimensions), uniform(2000, dimensions, 1)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = np.sum(a * b, axis=1) / norms
    assert stats.kstest(cosines, cosine_law(dimensions).cdf).pvalue > 0.01
    wrong = cosine_law(dimensions + 2 + dimensions // 4)
    assert stats.kstest(cosines, wrong.cdf).pvalue < 0.01
    assert cosine_law(dimensions).var() == pytest.approx(1.0 / dimensions)


def test_pairs_are_of_different_points():
    angles = pair_angles(np.array([[1.0, 0.0], [0.0, 5.0]]), num_pairs=3000)
    np.testing.assert_allclose(angles, 90.0)
    assert angles.shape == (3000,)


def test_uniform_points_pass():
    results = [
        sliced_wasserstein_test(uniform(200, 16, seed), num_null=40)
        for seed in range(1, 9)
    ]
    p_values = [result.p_value for result in results]
    assert min(p_values) > 1 / 41
    assert 0.2 < np.mean(p_values) < 0.8
    assert results[0].null.shape == (40,)


def test_crowded_points_fail():
    crowded = uniform(200, 16) + 0.5
    result = sliced_wasserstein_test(crowded, num_null=40)
    assert result.p_value == pytest.approx(1 / 41)
    assert result.value > 3 * result.null.max()


def test_cones():
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    share, angles = cone_coverage(axes, 45.0, num_samples=4000)
    # Six caps of 45 degrees that only touch: 6 (1 - cos 45) / 2 of the sphere.
    assert share == pytest.approx(6 * (1 - np.sqrt(0.5)) / 2, abs=0.02)
    assert angles.max() <= np.degrees(np.arccos(1 / np.sqrt(3))) + 1e-6
    assert cone_coverage(axes, 54.74)[0] == 1.0


def test_a_point_without_direction():
    with pytest.raises(ValueError, match="a row of zeros"):
        cone_coverage(np.zeros((2, 3)), 45.0)
