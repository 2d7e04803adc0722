"""The transformer that encoder and decoder share."""

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_sphere.geometry import spherify
from keras_sphere.models.vision_transformer import VisionTransformer
from tests.testing import TestCase, perturb_weights, to_numpy

TOKENS = np.random.default_rng(0).standard_normal((2, 4, 16)).astype("float32")
LABELS = np.asarray([0, 2], "int32")


def new_transformer(num_layers=2, **arguments):
    transformer = VisionTransformer(
        hidden_dim=16,
        num_layers=num_layers,
        num_heads=2,
        grid_size=2,
        output_dim=5,
        **{"in_context_start": 1, "name": "transformer", **arguments},
    )
    transformer.build((None, 4, 16))
    perturb_weights(transformer)
    return transformer


class VisionTransformerTest(TestCase):
    def test_config(self):
        transformer = new_transformer(
            num_classes=3,
            num_in_context_tokens=2,
            spherify_blocks=True,
            label_dropout=0.2,
        )
        revived = VisionTransformer.from_config(transformer.get_config())
        self.assertEqual(revived.get_config(), transformer.get_config())
        revived.build((None, 4, 16))
        revived.set_weights(transformer.get_weights())
        self.assertAllClose(revived(TOKENS, LABELS), transformer(TOKENS, LABELS))

    @parameterized.parameters((2, 0), (2, 3), (3, 0))
    def test_in_context_tokens(self, num_in_context_tokens, num_classes):
        transformer = new_transformer(
            num_classes=num_classes, num_in_context_tokens=num_in_context_tokens
        )
        self.assertTrue(transformer.inserts_tokens)
        labels = LABELS if num_classes else None
        condition = transformer._label_vectors(labels, 2, training=False)
        first, second = transformer.blocks
        x = first(transformer.position_embedding(TOKENS), condition)
        x = second(transformer.in_context_tokens(x, condition), condition)
        expected = transformer.head(x[:, num_in_context_tokens:], condition)
        self.assertAllClose(transformer(TOKENS, labels), expected, atol=1e-5)

    @parameterized.parameters(2, 5)
    def test_in_context_tokens_that_start_after_the_last_block(self, start):
        transformer = new_transformer(num_in_context_tokens=2, in_context_start=start)
        self.assertFalse(transformer.inserts_tokens)
        plain = new_transformer()
        plain.set_weights(transformer.get_weights())
        self.assertAllClose(transformer(TOKENS), plain(TOKENS))

    @parameterized.parameters(0, 2)
    def test_spherified_blocks(self, num_in_context_tokens):
        transformer = new_transformer(
            spherify_blocks=True,
            num_in_context_tokens=num_in_context_tokens,
            in_context_start=0,
        )
        k = num_in_context_tokens
        x = transformer.position_embedding(TOKENS)
        x = transformer.in_context_tokens(x) if k else x
        x = to_numpy(transformer.blocks[0](x))
        x[:, k:] = to_numpy(spherify(x[:, k:]))
        expected = transformer.head(transformer.blocks[1](x)[:, k:])
        self.assertAllClose(transformer(TOKENS), expected, atol=1e-5)

    def test_the_last_block_is_not_spherified(self):
        one, plain = new_transformer(1, spherify_blocks=True), new_transformer(1)
        one.set_weights(plain.get_weights())
        self.assertAllClose(one(TOKENS), plain(TOKENS))

    def test_labels(self):
        transformer = new_transformer(num_classes=3)
        null = transformer(TOKENS, np.asarray([3, 3], "int32"))
        self.assertAllClose(transformer(TOKENS), null)
        self.assertNotAllClose(transformer(TOKENS, LABELS), null, atol=1e-4)
        with self.assertRaisesRegex(ValueError, "unconditional.*Received: labels="):
            new_transformer()(TOKENS, LABELS)

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_tokens_stay_in_float32(self, dtype):
        """What 16 bits would round off of large tokens reaches the last layer."""
        arguments = {
            "num_layers": 3,
            "num_classes": 3,
            "num_in_context_tokens": 2,
            "angle_condition": "both",
        }
        exact = new_transformer(**arguments)
        angles = np.float32([0.3, 1.2])
        errors, seen = [], []
        for wide in (False, True):
            transformer = new_transformer(**arguments, dtype=dtype, wide_residuals=wide)
            transformer.set_weights(exact.get_weights())
            first = transformer.blocks[0]
            condition = transformer._label_vectors(LABELS, 2, training=False)
            tokens = first(100.0 * TOKENS, condition)
            seen.append(keras.backend.standardize_dtype(tokens.dtype))
            expected = exact.blocks[0](100.0 * TOKENS, to_numpy(condition))
            error = to_numpy(keras.ops.cast(tokens, "float32")) - to_numpy(expected)
            errors.append(np.abs(error).max())
            out = to_numpy(transformer(TOKENS, LABELS, angles))
            self.assertAllClose(
                out, exact(TOKENS, LABELS, angles), atol=0.05, rtol=0.05
            )
        assert seen == [dtype.removeprefix("mixed_"), "float32"]
        assert errors[1] < 0.3 * errors[0]

    @pytest.mark.skipif(keras.backend.backend() == "jax", reason="it has 32 bits")
    def test_the_policy_of_64_bits_has_nothing_wider(self):
        transformer = new_transformer(wide_residuals=True, dtype="float64")
        out = transformer(TOKENS.astype("float64"))
        self.assertEqual(keras.backend.standardize_dtype(out.dtype), "float64")
        self.assertIsNone(transformer.blocks[0].branch_dtype)
