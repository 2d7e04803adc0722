"""Extra tokens in front of the image tokens."""

import numpy as np
from absl.testing import parameterized

from keras_sphere.layers import InContextTokens
from tests.testing import TestCase, perturb_weights, to_numpy


class InContextTokensTest(TestCase):
    @parameterized.parameters(False, True)
    def test_basics(self, conditional):
        shapes = {"tokens": (2, 4, 6)}
        if conditional:
            shapes["condition"] = (2, 1, 6)
        layer = self.run_layer_test(
            InContextTokens,
            {"num_in_context_tokens": 3, "conditional": conditional},
            shapes,
            (2, 7, 6),
        )
        self.assertLen(layer.weights, 1 if conditional else 2)

    @parameterized.parameters(False, True)
    def test_content(self, conditional):
        generator = np.random.default_rng(0)
        tokens = generator.standard_normal((2, 4, 6)).astype("float32")
        condition = generator.standard_normal((2, 1, 6)).astype("float32")
        layer = InContextTokens(3, conditional)
        layer.build(tokens.shape)
        perturb_weights(layer)
        out = to_numpy(layer(tokens, condition if conditional else None))
        self.assertAllClose(out[:, 3:], tokens)
        content = condition if conditional else to_numpy(layer.embeddings)
        expected = np.broadcast_to(content + to_numpy(layer.positions), (2, 3, 6))
        self.assertAllClose(out[:, :3], expected)
