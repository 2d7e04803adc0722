"""The drifting term, against its formulas in NumPy's float64."""

import keras
import numpy as np
import pytest

from keras_sphere.losses import Drifting
from keras_sphere.losses.drifting import drift, drift_targets
from tests.differentiation import input_gradients
from tests.testing import TestCase, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")

TEMPERATURES = (0.02, 0.05, 0.2)


def rows(seed, count, width=6, shift=0.0):
    values = np.random.default_rng(seed).standard_normal((count, width)) + shift
    return values.astype("float32")


def softmax(logits, axis):
    values = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return values / values.sum(axis=axis, keepdims=True)


def expected_drift(x, y):
    """V in units of S, of one class, and S: the formulas, row by row."""
    x, y = x.astype("float64"), y.astype("float64")
    width = x.shape[1]

    def distance(a, b):
        return np.array([[np.linalg.norm(p - q) for q in b] for p in a])

    scale = distance(x, y).mean() / np.sqrt(width)
    x, y = x / scale, y / scale
    total = np.zeros_like(x)
    for temperature in TEMPERATURES:
        to_self = distance(x, x) + np.where(np.eye(len(x)), 1e9, 0.0)
        logits = -np.concatenate([distance(x, y), to_self], axis=1)
        logits /= temperature * np.sqrt(width)
        affinity = np.sqrt(softmax(logits, 1) * softmax(logits, 0))
        to, away = affinity[:, : len(y)], affinity[:, len(y) :]
        v = np.zeros_like(x)
        for i in range(len(x)):
            v[i] += sum(to[i, j] * away[i].sum() * y[j] for j in range(len(y)))
            v[i] -= sum(away[i, k] * to[i].sum() * x[k] for k in range(len(x)))
        total += v / np.sqrt(np.mean(v**2))
    return total, scale


def tensors(*arrays):
    return [keras.ops.convert_to_tensor(x) for x in arrays]


class DriftingTest(TestCase):
    def setUp(self):
        super().setUp()
        self.real, self.generated = rows(0, 5, shift=0.5), rows(1, 4)

    def movement(self, real, generated, *arguments):
        pair = drift_targets(*tensors(real, generated), *arguments)
        target, row = map(to_numpy, pair)
        return target - row

    def test_one_class_is_that_of_the_formulas(self):
        movement, scale = expected_drift(self.generated, self.real)
        target, row = drift_targets(*tensors(self.real, self.generated))
        self.assertAllClose(row, self.generated / scale, atol=1e-5)
        self.assertAllClose(target, self.generated / scale + movement, atol=2e-5)

    def test_value_and_gradient(self):
        movement, scale = expected_drift(self.generated, self.real)
        loss = Drifting(reduction=None)

        def value(real, generated):
            return loss(*loss.pair([real], [generated])) + 0.0 * keras.ops.sum(real)

        expected = np.mean(movement**2, axis=1)
        inputs = [self.real, self.generated]
        self.assertAllClose(value(*tensors(*inputs)), expected, atol=2e-5)
        none, gradient = input_gradients(value, inputs, np.ones(4, "float32"))
        self.assertAllClose(none, np.zeros_like(self.real))
        self.assertAllClose(gradient, -2.0 * movement / 6 / scale, atol=2e-5)

    def test_exchanged_sets_turn_the_sign_and_equal_ones_cancel(self):
        x, y, z = tensors(self.generated, self.real, rows(2, 5))
        seen, one = np.ones((4, 10), "float32"), np.ones(5, "float32")
        seen, one, four = tensors(seen, one, one[:4])
        there = to_numpy(drift(x, y, z, seen, four, one))
        back = to_numpy(drift(x, z, y, seen, four, one))
        assert np.abs(there).min() > 1e-3
        self.assertAllClose(there, -back, atol=1e-5)
        unscaled = drift(x, y, y, seen, four, one)
        self.assertAllClose(unscaled, np.zeros((4, 6)), atol=1e-5)

    def test_classes_do_not_see_each_other(self):
        """With a temperature, A of a class does not change by rows of another."""
        real_labels, labels = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1])
        both = self.movement(self.real, self.generated, real_labels, labels)
        other = self.real.copy()
        other[3:] = other[[4, 3]]
        again = self.movement(other, self.generated, real_labels, labels)
        self.assertAllClose(both, again, atol=1e-5)
        # Of one direction: the scale and the root mean square are common to classes.
        for label in (0, 1):
            own, real = labels == label, real_labels == label
            scale = expected_drift(self.generated[own], self.real[real])[1]
            target, row = map(
                to_numpy,
                drift_targets(
                    *tensors(self.real, self.generated), real_labels, labels, None, [1]
                ),
            )
            common = self.generated[0, 0] / row[0, 0]
            alone = self.movement(
                self.real[real], self.generated[own], None, None, None, [common / scale]
            )
            ratio = (target - row)[own] / alone
            self.assertAllClose(ratio, np.full_like(ratio, ratio[0, 0]), rtol=1e-3)

    def test_a_weight_of_zero_leaves_a_row_out(self):
        weights = np.array([1.0, 0.0, 1.0, 1.0], "float32")
        kept = weights > 0
        movement = self.movement(
            self.real, self.generated, None, None, tensors(weights)[0]
        )
        alone = self.movement(self.real, self.generated[kept])
        self.assertAllClose(movement[kept], alone, atol=1e-4)
        assert np.all(np.isfinite(movement))

    def test_a_weight_of_two_is_two_rows(self):
        """For what others feel; a row does not see itself, but its double it would."""
        weights = np.array([1.0, 1.0, 1.0, 2.0], "float32")
        seen = np.ones((4, 9), "float32")
        x, y, seen, weights = tensors(self.generated, self.real, seen, weights)
        v = drift(x, y, x, seen, weights, weights)
        index = np.array([0, 1, 2, 3, 3])
        twice, seen, five = tensors(
            self.generated[index], np.ones((5, 10), "float32"), np.ones(5, "float32")
        )
        self.assertAllClose(
            to_numpy(drift(twice, y, twice, seen, five, five))[:4], v, atol=1e-4
        )

    def test_a_row_alone_in_its_class_stays(self):
        for labels, real_labels in (
            ([0, 1, 2, 3], [0, 1, 2, 3, 3]),
            ([7] * 4, [0] * 5),
        ):
            movement = self.movement(
                self.real, self.generated, np.array(real_labels), np.array(labels)
            )
            self.assertAllClose(movement, np.zeros((4, 6)))

    def test_one_row_of_each_side(self):
        self.assertAllClose(
            self.movement(self.real[:1], self.generated[:1]), np.zeros((1, 6))
        )
        self.assertAllClose(
            self.movement(self.real[:1], self.real[:1]), np.zeros((1, 6))
        )

    def test_no_weight_at_all(self):
        loss, weights = Drifting(), tensors(np.zeros(4, "float32"))[0]

        def value(generated):
            (real,) = tensors(self.real)
            return loss(*loss.pair([real], [generated], weights=weights))

        (gradient,) = input_gradients(value, [self.generated], np.float32(1.0))
        assert np.all(np.isfinite(gradient))

    def test_maps_are_averaged_and_pooled(self):
        maps = [rows(3, 10, 4).reshape(5, 2, 2, 2), rows(4, 5, 3)]
        others = [rows(5, 8, 4).reshape(4, 2, 2, 2), rows(6, 4, 3)]
        for pooling in ("flatten", "mean"):
            loss = Drifting(pooling=pooling, reduction=None)
            value = loss(*loss.pair(tensors(*maps), tensors(*others)))
            expected = np.zeros(4)
            for real, generated in zip(maps, others, strict=True):
                pair = [x.reshape(len(x), -1) for x in (generated, real)]
                if pooling == "mean" and real.ndim == 4:
                    pair = [x.mean(axis=(1, 2)) for x in (generated, real)]
                expected += np.mean(expected_drift(*pair)[0] ** 2, axis=1) / 2
            self.assertAllClose(value, expected, atol=5e-5)

    def test_drifting_brings_both_sets_together(self):
        """Their means meet, and generated rows keep about the spread of real ones."""
        real, moved = rows(7, 32, 2), rows(8, 32, 2, shift=3.0)
        for step in np.linspace(0.5, 0.05, 100):
            moved = moved + step.astype("float32") * self.movement(real, moved)
        assert np.all(np.abs(moved.mean(axis=0) - real.mean(axis=0)) < 0.5)
        assert np.all(np.abs(np.log(moved.std(axis=0) / real.std(axis=0))) < 0.7)

    def test_computes_in_float32(self):
        halves = [keras.ops.cast(x, "bfloat16") for x in (self.real, self.generated)]
        for part in Drifting().pair([halves[0]], [halves[1]]):
            dtype = keras.backend.standardize_dtype(part[0].dtype)
            self.assertEqual(dtype, "float32")

    def test_config(self):
        loss = Drifting((0.1, 0.3), "mean", per_class=False, reduction="sum")
        revived = keras.losses.deserialize(keras.losses.serialize(loss))
        self.assertIsInstance(revived, Drifting)
        self.assertEqual(revived.get_config(), loss.get_config())
        self.assertEqual(revived.temperatures, (0.1, 0.3))

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match=r"`temperatures` must be .*=0"):
            Drifting(temperatures=(0.1, 0))
        with pytest.raises(ValueError, match=r"`pooling` must be one of .*'max'"):
            Drifting(pooling="max")
        maps = tensors(self.real)
        with pytest.raises(ValueError, match=r"as many maps.*1 and 2"):
            Drifting().pair(maps, maps * 2)
        with pytest.raises(ValueError, match=r"`real_labels` and .*together"):
            Drifting().pair(maps, maps, np.zeros(5, "int32"))
