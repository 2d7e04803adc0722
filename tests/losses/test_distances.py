"""Distances, one value per image."""

import numpy as np
from absl.testing import parameterized

from keras_sphere.losses.distances import cosine_distance, mean_distance
from tests import golden_data
from tests.differentiation import input_gradients
from tests.testing import TestCase, to_numpy


class DistancesTest(TestCase):
    def setUp(self):
        super().setUp()
        arrays = golden_data.load("funcs")
        self.golden = {
            key.removeprefix("dist/"): value
            for key, value in arrays.items()
            if key.startswith("dist/")
        }
        self.x, self.y = self.golden["x"], self.golden["y"]

    @parameterized.parameters("l1", "l2")
    def test_golden_pointwise(self, kind):
        actual = to_numpy(mean_distance(self.x, self.y, kind))
        expected = self.golden[f"{kind}_none"].reshape(4)
        self.assertAllClose(actual, expected, rtol=1e-5)
        self.assertAllClose(actual.mean(), self.golden[f"{kind}_mean"], rtol=1e-5)

    def test_sum_and_absolute(self):
        l1, l2, both, absolute = (
            to_numpy(mean_distance(self.x, self.y, kind))
            for kind in ("l1", "l2", "l1+l2", "absolute")
        )
        self.assertAllClose(both, (l1 + l2) / 2.0, rtol=1e-5)
        expected = np.mean(np.abs(self.x - self.y), axis=(1, 2, 3))
        self.assertAllClose(absolute, expected, rtol=1e-5)

    def test_golden_cosine(self):
        actual = to_numpy(cosine_distance(self.x, self.y))
        self.assertAllClose(actual, self.golden["cosine_none"], atol=1e-5)
        self.assertAllClose(actual.mean(), self.golden["cosine_mean"], atol=1e-5)

    def test_golden_cosine_of_tiny_latents(self):
        actual = cosine_distance(self.golden["cosine_tiny_x"], self.y)
        self.assertAllClose(actual, self.golden["cosine_tiny_none"], atol=1e-5)

    @parameterized.parameters("first", "second", "both")
    def test_cosine_gradient_is_finite_at_exactly_zero(self, zero):
        x, y = self.x.copy(), self.y.copy()
        for array in {"first": [x], "second": [y], "both": [x, y]}[zero]:
            array[0] = 0.0
        self.assertAllClose(to_numpy(cosine_distance(x, y))[0], np.float32(1.0))
        gradients = input_gradients(cosine_distance, [x, y], np.ones(4, "float32"))
        for gradient in gradients:
            self.assertTrue(np.all(np.isfinite(gradient)))
        self.assertGreater(np.abs(gradients[0][1]).max(), 0.0)

    def test_cosine_ends(self):
        self.assertAllClose(cosine_distance(self.x, 3.0 * self.x), np.zeros(4, "f"))
        opposite = cosine_distance(self.x, -self.x)
        self.assertAllClose(opposite, np.full(4, 2.0, "f"))
