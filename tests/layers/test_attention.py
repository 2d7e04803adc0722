"""Self-attention with rotary positions."""

import numpy as np

from keras_sphere.convert import reference_names
from keras_sphere.layers import RotaryAttention
from keras_sphere.layers.rotary_embedding import rotary_table
from tests import golden_data
from tests.golden_layers import check_layer
from tests.testing import TestCase, to_numpy


class RotaryAttentionTest(TestCase):
    def test_basics(self):
        self.run_layer_test(
            RotaryAttention, {"num_heads": 2, "grid_size": 2}, (2, 4, 8), (2, 4, 8)
        )

    def test_golden(self):
        layer = RotaryAttention(num_heads=2, grid_size=4)
        layer.build((None, 16, 16))
        weights = [
            ("qkv.weight", layer.qkv.kernel, reference_names.dense),
            ("qkv.bias", layer.qkv.bias, reference_names.same),
            ("proj.weight", layer.projection.kernel, reference_names.dense),
            ("proj.bias", layer.projection.bias, reference_names.same),
        ]
        check_layer(self, "attention", layer, weights)

    def test_golden_rope_table(self):
        table = np.concatenate(rotary_table(8, 4), axis=1)
        for rope in golden_data.load("funcs")["attention/rope"]:
            self.assertAllClose(table, rope)

    def test_positions_of_prefix_tokens_do_not_matter(self):
        layer = RotaryAttention(num_heads=2, grid_size=2)
        tokens = np.random.default_rng(0).standard_normal((2, 6, 8)).astype("float32")
        out = to_numpy(layer(tokens))
        swapped = to_numpy(layer(tokens[:, [1, 0, 2, 3, 4, 5]]))
        self.assertAllClose(swapped[:, [1, 0, 2, 3, 4, 5]], out, atol=1e-5)
        swapped = to_numpy(layer(tokens[:, [0, 1, 3, 2, 4, 5]]))
        self.assertNotAllClose(swapped[:, [0, 1, 3, 2, 4, 5]], out, atol=1e-4)

    def test_width_must_fit_the_heads(self):
        with self.assertRaisesRegex(ValueError, "Received: width=12, num_heads=2"):
            RotaryAttention(num_heads=2, grid_size=2).build((None, 4, 12))
