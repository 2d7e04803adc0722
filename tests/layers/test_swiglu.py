"""The gated feed-forward layer."""

import numpy as np
from absl.testing import parameterized

from keras_sphere.convert import reference_names
from keras_sphere.layers import SwiGLU
from tests.golden_layers import check_layer
from tests.testing import TestCase


class SwiGLUTest(TestCase):
    def test_basics(self):
        self.run_layer_test(SwiGLU, {}, (2, 3, 12), (2, 3, 12))

    def test_golden(self):
        layer = SwiGLU()
        layer.build((None, None, 16))
        weights = [
            ("w12.weight", layer.expand.kernel, reference_names.dense),
            ("w12.bias", layer.expand.bias, reference_names.same),
            ("w3.weight", layer.contract.kernel, reference_names.dense),
            ("w3.bias", layer.contract.bias, reference_names.same),
        ]
        check_layer(self, "swiglu", layer, weights)

    def test_int8_stays_close(self):
        layer, random = SwiGLU(), np.random.default_rng(0)
        layer.build((None, None, 16))
        for variable in layer.variables:
            variable.assign(random.standard_normal(variable.shape) / 4.0)
        tokens = random.standard_normal((2, 3, 16)).astype("float32")
        before = layer(tokens)
        layer.expand.quantize("int8")
        layer.contract.quantize("int8")
        self.assertAllClose(layer(tokens), before, atol=0.1)

    @parameterized.parameters((48, 128), (64, 170), (768, 2048), (1664, 4437))
    def test_inner_width(self, width, inner):
        self.assertEqual(8 * width // 3, inner)
        if width < 100:
            layer = SwiGLU()
            layer.build((None, 3, width))
            self.assertEqual(tuple(layer.contract.kernel.shape), (inner, width))
