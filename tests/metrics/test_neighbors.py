"""Precision, recall and nearest distances against hand-made cases."""

import numpy as np
import pytest

from keras_sphere.metrics import (
    density_coverage,
    nearest_distances,
    neighbors,
    precision_recall,
)

pytestmark = pytest.mark.any_backend


def on_a_line(*positions):
    return np.asarray(positions, dtype="float64")[:, np.newaxis]


def test_by_hand():
    # One neighbor. Real radii: 1, 1, 1, 8. Fake radii: 0.25, 0.25, 17.5.
    real, fake = on_a_line(0, 1, 2, 10), on_a_line(2.25, 2.5, 20)
    precision, recall = precision_recall(real, fake, num_neighbors=1)
    assert precision == pytest.approx(2 / 3)  # 20 is 10 away from 10
    assert recall == pytest.approx(2 / 4)  # 2 is near 2.25, 10 within 17.5 of 20


def test_by_hand_with_two_neighbors():
    # Two neighbors. Real radii: 2, 1, 2, 9. Fake radii: 1, 0.5, 1: none reaches 0.
    real, fake = on_a_line(0, 1, 2, 10), on_a_line(-2.5, -2.0, -1.5)
    precision, recall = precision_recall(real, fake, num_neighbors=2)
    assert precision == pytest.approx(2 / 3)  # -2.5 is beyond 2 of 0
    assert recall == 0.0


def test_density_and_coverage_by_hand():
    # One neighbor. Real radii: 1, 1, 1, 8. 2.25 lies in the balls of 2 and 10, 2.5
    # too, 20 in none.
    real, fake = on_a_line(0, 1, 2, 10), on_a_line(2.25, 2.5, 20)
    density, coverage = density_coverage(real, fake, num_neighbors=1)
    assert density == pytest.approx(4 / 3)
    assert coverage == pytest.approx(2 / 4)


def test_one_outlier_changes_recall_but_not_coverage():
    generator = np.random.default_rng(0)
    real = generator.normal(size=(100, 2))
    fake = np.concatenate([real[:30] + 0.01, np.full((4, 2), 300.0)])
    fake[30:] += 250.0 * generator.normal(size=(4, 2))
    assert precision_recall(real, fake)[1] > 0.95
    assert density_coverage(real, fake)[1] < 0.95
    assert density_coverage(real, fake)[1] == density_coverage(real, fake[:30])[1]


def test_all_measures_at_once_are_those_alone():
    generator = np.random.default_rng(0)
    real, fake = generator.normal(size=(31, 4)), generator.normal(size=(23, 4))
    values = neighbors.neighbor_measures(real, fake)
    assert precision_recall(real, fake) == (values["precision"], values["recall"])
    assert density_coverage(real, fake) == (values["density"], values["coverage"])
    assert values["nearest"] == np.median(nearest_distances(fake, real))


def test_equal_and_distant_sets():
    points = np.random.default_rng(0).normal(size=(50, 2, 3))
    assert precision_recall(points, points) == (1.0, 1.0)
    assert precision_recall(points, points + 100.0) == (0.0, 0.0)


def test_samples_of_one_mode_are_precise_but_do_not_cover():
    generator = np.random.default_rng(0)
    left, right = generator.normal(size=(2, 100, 2))
    right += 50.0
    precision, recall = precision_recall(np.concatenate([left, right]), left)
    assert precision == 1.0
    assert recall == 0.5


def test_blocks_change_nothing(monkeypatch):
    generator = np.random.default_rng(0)
    real, fake = generator.normal(size=(31, 4)), generator.normal(size=(23, 4))
    whole = neighbors.neighbor_measures(real, fake), nearest_distances(real, fake)
    monkeypatch.setattr(neighbors, "BLOCK_ITEMS", 5)
    assert neighbors.neighbor_measures(real, fake) == pytest.approx(whole[0])
    np.testing.assert_array_equal(nearest_distances(real, fake), whole[1])


def test_nearest_distances():
    samples = np.zeros((2, 2, 2))
    samples[1] = 10.0
    references = np.array([[[3.0, 0.0], [4.0, 0.0]], [[10.0, 10.0], [10.0, 9.0]]])
    np.testing.assert_allclose(nearest_distances(samples, references), [5.0, 1.0])


@pytest.mark.parametrize(
    ("real", "fake", "num_neighbors", "message"),
    [
        (np.ones((3, 2)), np.ones((9, 2)), 3, "`real` must have .*at least 4"),
        (np.ones((9, 2)), np.ones((3, 2)), 3, "`fake` must have .*at least 4"),
        (np.ones((9, 2)), np.ones((9, 3)), 3, "same number of features"),
        (np.full((9, 2), np.inf), np.ones((9, 2)), 3, "`real` must be finite"),
        (np.ones((9, 2)), np.ones((9, 2)), 0, "`num_neighbors` must be"),
    ],
)
def test_errors(real, fake, num_neighbors, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        precision_recall(real, fake, num_neighbors)


def test_nearest_distances_errors():
    with pytest.raises(ValueError, match=r"`references` must have.*Received: "):
        nearest_distances(np.ones((3, 2)), np.ones((0, 2)))
    with pytest.raises(ValueError, match=r"same number of features.*Received: "):
        nearest_distances(np.ones((3, 2)), np.ones((3, 4)))
