"""The Frechet distance of moving averages: golden values and gradients."""

import keras
import numpy as np
import pytest

from keras_sphere.backend.operations import widest_float
from keras_sphere.losses.frechet_term import FrechetTerm, frechet_slopes
from keras_sphere.losses.item_weights import balanced_weights
from keras_sphere.metrics import frechet_distance
from tests import golden_data
from tests.differentiation import input_gradients
from tests.testing import TestCase, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")


def rows(seed, count=12):
    return np.random.default_rng(seed).standard_normal((count, 4, 6)).astype("float32")


class FrechetTermTest(TestCase):
    def setUp(self):
        super().setUp()
        self.arrays = golden_data.load("funcs2")

    def golden(self, name):
        return [self.arrays[f"fd/{name}{part}"] for part in ("clean", "gen", "w")]

    def test_golden_averages_and_gradient(self):
        term = FrechetTerm(decay=0.9)
        for name in ("warm0/", "warm1/"):
            value, _ = term(*self.golden(name), is_on=False, training=True)
            self.assertAllClose(value, np.zeros(12))
        real, fake, weights = self.golden("")
        (gradient,) = input_gradients(
            lambda x: term(real, x, weights)[0] * balanced_weights(weights),
            [fake],
            np.full(12, 1 / 12, "float32"),
        )
        expected = self.arrays["fd/grad_gen"]
        self.assertAllClose(gradient, expected, atol=2e-4 * np.abs(expected).max())
        value, distance = term(real, fake, weights, training=True)
        loss = self.arrays["fd/loss"]
        self.assertAllClose(to_numpy(value).mean(), loss, atol=1e-6)
        self.assertAllClose(distance, self.arrays["fd/raw"], atol=2e-6)
        for side, name in (("real", "mu_clean_ema"), ("fake", "mu_noisy_ema")):
            mean = to_numpy(term.moments[side][0])
            self.assertAllClose(mean, self.arrays[f"fd/{name}"], atol=1e-6)

    def test_golden_tokens_without_averages(self):
        term = FrechetTerm(decay=0.0, pooling="tokens")
        _, distance = term(*self.golden(""))
        expected = self.arrays["fd/raw_batch_only_token"]
        self.assertAllClose(distance, expected, atol=1e-5)

    def test_is_the_distance_of_the_metrics(self):
        """Up to the divisor of covariances, and with no image left out."""
        term, real, fake = (
            FrechetTerm(decay=0.0, epsilon=1e-9),
            rows(0, 40),
            rows(1, 40),
        )
        _, distance = term(real, 2.0 * fake + 0.5, np.ones(40, "float32"))
        # of 39 in place of 40
        factor = np.float32(np.sqrt(40 / 39))
        pair = [x.mean(axis=1) for x in (real, 2.0 * fake + 0.5)]
        means = [x.mean(axis=0) for x in pair]
        a, b = ((x - m) / factor + m for x, m in zip(pair, means, strict=True))
        self.assertAllClose(distance, frechet_distance(a, b), atol=1e-4)

    def test_a_step_against_the_gradient_is_shorter(self):
        term, real, fake = FrechetTerm(decay=0.5), rows(0), rows(1) + 1.0
        one = np.ones(12, "float32")
        term(real, fake, one, is_on=False, training=True)
        (gradient,) = input_gradients(lambda x: term(real, x, one)[0], [fake], one)
        distances = []
        for step in (0.0, 3.0):
            other = FrechetTerm(decay=0.5)
            other.build(real.shape)
            other.set_weights(term.get_weights())
            _, distance = other(real, fake - np.float32(step) * gradient, one)
            distances.append(float(to_numpy(distance)))
        assert distances[1] < 0.95 * distances[0]

    def test_weights_leave_images_out(self):
        weights = np.repeat([1.0, 0.0], 12).astype("float32")
        real, fake = rows(0, 24), rows(1, 24)
        distances = []
        for x, w in (
            (fake, weights),
            (np.concatenate([fake[:12]] * 2), weights * 0 + 1),
        ):
            term = FrechetTerm(decay=0.0)
            distances.append(to_numpy(term(real, x, w)[1]))
        self.assertAllClose(*distances, atol=1e-5)

    def test_equal_directions_do_no_harm(self):
        """Features of rank one, whose covariances have equal eigenvalues."""
        term, one = FrechetTerm(), np.ones(12, "float32")
        same = np.repeat(rows(0)[:, :, :1], 6, axis=-1)
        (gradient,) = input_gradients(lambda x: term(same, x, one)[0], [same], one)
        assert np.all(np.isfinite(gradient))
        eye = keras.ops.eye(3, dtype=widest_float())
        zero = keras.ops.zeros(3, dtype=widest_float())
        distance, slopes = frechet_slopes((zero, eye), (zero, eye), 1e-6)
        self.assertAllClose(to_numpy(distance), 0.0, atol=1e-5)
        self.assertAllClose(to_numpy(slopes[1]), np.zeros((3, 3)), atol=1e-5)

    def test_layer(self):
        term = FrechetTerm(0.5, 1e-3, "tokens", name="term")
        revived = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(term)
        )
        self.assertIsInstance(revived, FrechetTerm)
        self.assertEqual(revived.get_config(), term.get_config())
        one = np.ones(12, "float32")
        value, _ = term(rows(0), rows(1), one)
        self.assertEqual(keras.backend.standardize_dtype(value.dtype), "float32")
        self.assertAllClose(term.calls, 0.0)
        with pytest.raises(ValueError, match=r"`pooling` must be one of .*'max'"):
            FrechetTerm(pooling="max")
