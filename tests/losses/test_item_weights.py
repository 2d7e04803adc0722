"""Weighted means over the global batch."""

import keras
import numpy as np

from keras_sphere.losses.item_weights import balanced_weights, global_mean
from tests.testing import TestCase


class ItemWeightsTest(TestCase):
    def weighted_mean(self, values, weights):
        weights = balanced_weights(keras.ops.convert_to_tensor(weights))
        return keras.ops.mean(weights * keras.ops.convert_to_tensor(values))

    def test_epsilon_is_added_to_the_sum(self):
        value = self.weighted_mean(np.ones(4, "float32"), np.full(4, 1e-6, "float32"))
        self.assertAllClose(value, 4.0 / 5.0, atol=1e-6)

    def test_the_mean_is_of_rows(self):
        x = np.arange(12.0, dtype="float32").reshape(3, 2, 2)
        mean = global_mean(keras.ops.convert_to_tensor(x))
        self.assertAllClose(mean, x.mean(axis=0))
