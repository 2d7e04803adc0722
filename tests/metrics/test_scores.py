"""Inception score and kernel distance where the answer is known."""

import numpy as np
import pytest

from keras_sphere.metrics import InceptionScore, kernel_distance

pytestmark = pytest.mark.any_backend


def test_score_of_sure_and_varied_predictions_is_the_number_of_classes():
    score = InceptionScore(2)
    score.update(np.tile(1000.0 * np.eye(5), (4, 1)))
    assert score.result() == (pytest.approx(5.0), pytest.approx(0.0, abs=1e-9))


def test_score_of_equal_predictions_is_one():
    score = InceptionScore(1)
    for _ in range(3):
        score.update(np.tile([[0.3, -2.0, 1.0]], (4, 1)))
    assert score.result()[0] == pytest.approx(1.0)


def test_score_needs_an_image_per_group():
    score = InceptionScore(3)
    score.update(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="Received: 2 images"):
        score.result()


def test_kernel_distance_is_unbiased_at_zero_and_grows():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 400, 8))
    same, _ = kernel_distance(a, b, 100, 50)
    shifted, _ = kernel_distance(a, b + 1.0, 100, 50)
    assert abs(same) < 0.05
    assert shifted > 1.0
    assert kernel_distance(a, b, 100, 3, seed=1) == kernel_distance(a, b, 100, 3, 1)


def test_kernel_distance_by_hand():
    a, b = np.array([[1.0], [2.0]]), np.array([[0.0], [1.0]])
    # k(1, 2) = 27, k(0, 1) = 1; k(1, 0) = 1, k(1, 1) = 8, k(2, 0) = 1, k(2, 1) = 27
    value, spread = kernel_distance(a, b, num_subsets=2)
    assert value == pytest.approx(27.0 + 1.0 - 2.0 * 37.0 / 4.0)
    assert spread == pytest.approx(0.0)
