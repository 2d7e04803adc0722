"""The fixed position table."""

import numpy as np
from absl.testing import parameterized

from keras_sphere.layers import SinCosPositionEmbedding
from keras_sphere.layers.position_embedding import sincos_table
from tests import golden_data
from tests.testing import TestCase


class SinCosPositionEmbeddingTest(TestCase):
    def test_basics(self):
        layer = self.run_layer_test(SinCosPositionEmbedding, {}, (2, 4, 8), (2, 4, 8))
        self.assertEmpty(layer.trainable_weights)

    def test_golden(self):
        arrays = golden_data.load("funcs")
        table = sincos_table(*arrays["sincos/args"].tolist())
        self.assertEqual(table.dtype, "float64")
        self.assertAllClose(table, arrays["sincos/out"], atol=1e-12, rtol=0.0)

    def test_adds_the_table(self):
        out = SinCosPositionEmbedding()(np.zeros((2, 9, 8), "float32"))
        expected = np.stack([sincos_table(8, 3).astype("float32")] * 2)
        self.assertAllClose(out, expected)

    @parameterized.parameters((6, 8), (4, 6))
    def test_invalid_shape(self, num_tokens, width):
        with self.assertRaisesRegex(ValueError, "Received: input_shape="):
            SinCosPositionEmbedding().build((None, num_tokens, width))
