"""Initial values."""

import math

import keras
import numpy as np

from keras_sphere.layers.initializers import FlattenedGlorotUniform
from tests.testing import TestCase, to_numpy


class FlattenedGlorotUniformTest(TestCase):
    def test_range_of_a_convolution_kernel(self):
        limit = 0.5 * math.sqrt(6.0 / (4 * 4 * 3 + 32))
        values = to_numpy(FlattenedGlorotUniform(gain=0.5, seed=1)((4, 4, 3, 32)))
        self.assertEqual(values.shape, (4, 4, 3, 32))
        self.assertBetween(np.abs(values).max(), 0.95 * limit, limit)
        self.assertAlmostEqual(values.std(), limit / math.sqrt(3.0), delta=0.05 * limit)

    def test_config(self):
        initializer = FlattenedGlorotUniform(gain=0.01, seed=3)
        config = keras.initializers.serialize(initializer)
        revived = keras.initializers.deserialize(config)
        self.assertIsInstance(revived, FlattenedGlorotUniform)
        self.assertEqual(revived.get_config(), initializer.get_config())
        self.assertAllClose(revived((2, 3)), initializer((2, 3)))
