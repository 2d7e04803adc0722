"""Blocks and network of DINOv3; tests/models/test_dinov3.py has the public numbers."""

import keras
import numpy as np
from absl.testing import parameterized

from keras_sphere.backend.fused_operations import half_rotary_attention, rotate_halves
from keras_sphere.layers import DINOv3Block, DINOv3Network
from keras_sphere.layers.dinov3_block import DINOv3Attention, DINOv3FeedForward
from keras_sphere.layers.rotary_embedding import centered_rotation
from tests.differentiation import input_gradients
from tests.testing import TestCase, perturb_weights, to_numpy

TOKENS = (2, 5, 8)  # one in front of a grid of 2 x 2
BLOCK = {"num_heads": 2, "grid_size": 2, "mlp_dim": 12}


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


class DINOv3BlockTest(TestCase):
    @parameterized.parameters(False, True)
    def test_basics(self, gated_mlp):
        arguments = {"gated_mlp": gated_mlp, "rope_theta": 50.0, "epsilon": 1e-4}
        block = self.run_layer_test(
            DINOv3Block,
            {**BLOCK, **arguments},
            TOKENS,
            TOKENS,
            expected_mixed_dtype="float32",
        )
        self.assertIsNone(block.attention.key.bias)

    def test_parts(self):
        for cls, arguments in (
            (DINOv3Attention, {"num_heads": 2, "grid_size": 2, "rope_theta": 50.0}),
            (DINOv3FeedForward, {"mlp_dim": 12, "gated_mlp": False}),
        ):
            self.run_layer_test(cls, arguments, TOKENS, TOKENS)

    def test_sums_stay_in_float32(self):
        """bfloat16 would lose what is added where it is a thousandth of the tokens."""
        exact, tokens = DINOv3Block(**BLOCK), normal(*TOKENS)
        exact.build(TOKENS)
        for scale in (exact.layer_scale1, exact.layer_scale2):
            scale.assign(np.full(8, 1.001e-3))
        mixed = DINOv3Block(**BLOCK, dtype="mixed_bfloat16")
        mixed.build(TOKENS)
        mixed.set_weights(exact.get_weights())
        added, rounded = (to_numpy(block(tokens)) - tokens for block in (exact, mixed))
        self.assertGreater(np.abs(added).max(), 1e-4)
        self.assertAllClose(rounded, added, atol=3e-5, rtol=0.02)

    def test_quantized_and_lora_layers(self):
        """Those that `inside` must not pass over."""
        block, tokens = DINOv3Block(**BLOCK), normal(*TOKENS)
        block.build(TOKENS)
        perturb_weights(block)
        expected = to_numpy(block(tokens))
        block.attention.query.quantize("int8")
        block.mlp.down.quantize("int8")
        self.assertAllClose(block(tokens), expected, atol=0.1)
        self.assertNotAllClose(block(tokens), expected, atol=1e-6)
        before = to_numpy(block(tokens))
        block.attention.value.enable_lora(2)
        block.attention.value.lora_kernel_b.assign(np.ones((2, 8)))
        self.assertNotAllClose(block(tokens), before, atol=1e-4)


class DINOv3NetworkTest(TestCase):
    def test_basics(self):
        network = self.run_layer_test(
            DINOv3Network,
            {
                "hidden_dim": 8,
                "num_layers": 2,
                "num_heads": 2,
                "patch_size": 4,
                "mlp_dim": 12,
                "gated_mlp": False,
                "num_register_tokens": 0,
                "rope_theta": 50.0,
                "epsilon": 1e-4,
            },
            (2, 12, 12, 3),
            (2, 9, 8),
            expected_mixed_dtype="float32",
        )
        self.assertEmpty(network.trainable_weights)

    def test_the_last_norm_has_no_weights(self):
        network = DINOv3Network(8, 1, 2, 4, 12)
        tokens = to_numpy(network(normal(2, 8, 8, 3)))
        self.assertAllClose(tokens.mean(axis=-1), np.zeros((2, 4)), atol=1e-6)
        self.assertAllClose(tokens.var(axis=-1), np.ones((2, 4)), atol=0.1)


class CenteredRotationTest(TestCase):
    def test_angles_by_hand(self):
        """2 pi times the centers -3/4, -1/4, 1/4, 3/4, by two frequencies."""
        cosines, sines = centered_rotation(8, 4, theta=4.0, num_prefix_tokens=1)
        self.assertEqual(cosines.shape, (17, 8))
        self.assertAllClose(cosines[0], np.ones(8))
        self.assertAllClose(sines[0], np.zeros(8))
        row_3_column_1 = np.pi * np.array([1.5, 0.75, -0.5, -0.25])
        self.assertAllClose(cosines[1 + 13], np.tile(np.cos(row_3_column_1), 2))
        signed = np.outer([-1.0, 1.0], np.sin(row_3_column_1))
        self.assertAllClose(sines[1 + 13], np.ravel(signed))

    def test_gradient_is_the_rotation_back(self):
        tables = centered_rotation(8, 2, 100.0)
        tables = [keras.ops.convert_to_tensor(table) for table in tables]
        x = normal(3, 4, 8)
        turned = to_numpy(rotate_halves(keras.ops.convert_to_tensor(x), *tables))
        (gradient,) = input_gradients(lambda x: rotate_halves(x, *tables), [x], turned)
        self.assertAllClose(gradient, x, atol=1e-5)

    def test_attention(self):
        """Turned by complex numbers, then softmax, in NumPy."""
        q, k, v = (normal(3, 2, 4, 16)[i] for i in range(3))
        tables = centered_rotation(8, 2, 100.0)
        turns = tables[0][:, :4] - 1j * tables[1][:, :4]  # whose sines are negative
        q, k, v = (x.reshape(2, 4, 2, 8) for x in (q, k, v))
        complex_q, complex_k = (x[..., :4] + 1j * x[..., 4:] for x in (q, k))
        complex_q, complex_k = (x * turns[:, None] for x in (complex_q, complex_k))
        scores = np.einsum("bqhd,bkhd->bhqk", complex_q, complex_k.conj()).real
        shares = np.exp(scores / 8**0.5)
        shares /= shares.sum(axis=-1, keepdims=True)
        expected = np.einsum("bhqk,bkhd->bqhd", shares, v).reshape(2, 4, 16)
        tensors = [keras.ops.convert_to_tensor(x.reshape(2, 4, 16)) for x in (q, k, v)]
        tables = [keras.ops.convert_to_tensor(table) for table in tables]
        actual = half_rotary_attention(*tensors, 2, *tables)
        self.assertAllClose(actual, expected, atol=1e-5)
