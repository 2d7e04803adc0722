"""Rotary position embedding."""

import keras
import numpy as np
from absl.testing import parameterized

from keras_sphere.backend.fused_operations import rotate
from keras_sphere.layers.rotary_embedding import rotary_table, rotation
from tests import golden_data
from tests.differentiation import input_gradients
from tests.testing import TestCase


class RotaryEmbeddingTest(TestCase):
    @parameterized.parameters("rope", "rope_pad")
    def test_golden_table(self, name):
        arrays = golden_data.load("funcs")
        head_dim, rows, columns, prefix = arrays[f"{name}/args"].tolist()
        self.assertEqual(rows, columns)
        table = np.concatenate(rotary_table(head_dim, rows, prefix), axis=1)
        self.assertAllClose(table, arrays[f"{name}/out"])

    def test_golden_rotation(self):
        arrays = golden_data.load("funcs")
        tables = [keras.ops.convert_to_tensor(table) for table in rotation(16, 4)]
        tokens = keras.ops.convert_to_tensor(arrays["rotate/in"])
        actual = rotate(tokens, *tables)
        self.assertAllClose(actual, arrays["rotate/out"], atol=1e-5)

    def test_gradient_is_the_rotation_back(self):
        arrays = golden_data.load("funcs")
        tables = [keras.ops.convert_to_tensor(table) for table in rotation(16, 4)]
        (gradient,) = input_gradients(
            lambda x: rotate(x, *tables),
            [arrays["rotate/in"]],
            arrays["rotate/out"],
        )
        self.assertAllClose(gradient, arrays["rotate/in"], atol=1e-5)
