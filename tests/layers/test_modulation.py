"""Conditioning by adaptive normalisation."""

import numpy as np

from keras_sphere.convert import reference_names
from keras_sphere.layers import AdaptiveModulation, ModulatedDense
from tests.golden_layers import check_layer
from tests.testing import TestCase


class AdaptiveModulationTest(TestCase):
    def test_basics(self):
        self.run_layer_test(
            AdaptiveModulation, {"num_chunks": 2}, (2, 1, 4), [(2, 1, 4)] * 2
        )

    def test_starts_from_zero(self):
        for chunk in AdaptiveModulation(6)(np.ones((2, 1, 4), "float32")):
            self.assertAllClose(chunk, np.zeros((2, 1, 4), "float32"))


class ModulatedDenseTest(TestCase):
    def test_conditional(self):
        self.run_layer_test(
            ModulatedDense,
            {"units": 3, "conditional": True},
            {"tokens": (2, 4, 8), "condition": (2, 1, 8)},
            (2, 4, 3),
        )

    def test_unconditional_is_one_dense_layer(self):
        layer = self.run_layer_test(ModulatedDense, {"units": 3}, (2, 4, 8), (2, 4, 3))
        self.assertLen(layer.weights, 2)
        tokens = np.random.default_rng(0).standard_normal((2, 4, 8)).astype("float32")
        self.assertAllClose(layer(tokens), layer.linear(tokens))

    def test_golden(self):
        layer = ModulatedDense(5, conditional=True)
        layer.build((None, 3, 16))
        check_layer(
            self,
            "modlinear_cond",
            layer,
            reference_names._modulated_dense("head", layer),
            prefix="head.",
        )

    def test_starts_from_zero(self):
        for conditional in (False, True):
            layer = ModulatedDense(3, conditional)
            out = layer(np.ones((2, 4, 8), "f"), np.ones((2, 1, 8), "f"))
            self.assertAllClose(out, np.zeros((2, 4, 3), "float32"))
