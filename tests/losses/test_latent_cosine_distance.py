"""The loss between latents."""

import keras
import numpy as np

from keras_sphere.losses import LatentCosineDistance
from tests import golden_data
from tests.testing import TestCase


class LatentCosineDistanceTest(TestCase):
    def setUp(self):
        super().setUp()
        self.golden = golden_data.load("funcs")
        self.latents = self.golden["dist/x"], self.golden["dist/y"]

    def test_golden(self):
        expected = self.golden["dist/cosine_none"]
        loss = LatentCosineDistance(reduction=None)
        self.assertAllClose(loss(*self.latents), expected, atol=1e-5)
        mean = LatentCosineDistance()(*self.latents)
        self.assertAllClose(mean, self.golden["dist/cosine_mean"], atol=1e-5)

    def test_sample_weight(self):
        weight = np.asarray([1.0, 0.0, 2.0, 0.5], "float32")
        expected = np.mean(weight * self.golden["dist/cosine_none"])
        value = LatentCosineDistance()(*self.latents, sample_weight=weight)
        self.assertAllClose(value, expected, atol=1e-5)

    def test_computes_in_float32(self):
        latents = [keras.ops.cast(x, "bfloat16") for x in self.latents]
        value = LatentCosineDistance()(*latents)
        self.assertEqual(keras.backend.standardize_dtype(value.dtype), "float32")

    def test_config(self):
        loss = LatentCosineDistance(name="latents", reduction="sum")
        revived = keras.losses.deserialize(keras.losses.serialize(loss))
        self.assertIsInstance(revived, LatentCosineDistance)
        self.assertEqual(revived.get_config(), loss.get_config())
        self.assertAllClose(revived(*self.latents), loss(*self.latents))
