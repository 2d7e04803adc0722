"""The block of the transformers."""

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_sphere.backend.compiled_blocks import compiled_blocks
from keras_sphere.convert import reference_names
from keras_sphere.layers import TransformerBlock
from tests.golden_layers import check_layer
from tests.testing import TestCase, perturb_weights, to_numpy

TOKENS = (2, 4, 8)


class TransformerBlockTest(TestCase):
    @parameterized.parameters(False, True)
    def test_basics(self, conditional):
        shapes = {"tokens": TOKENS}
        if conditional:
            shapes["condition"] = (2, 1, 8)
        self.run_layer_test(
            TransformerBlock,
            {"num_heads": 2, "grid_size": 2, "conditional": conditional},
            shapes,
            TOKENS,
        )

    @parameterized.parameters("block_cond", "block_uncond")
    def test_golden(self, name):
        block = TransformerBlock(2, 4, conditional=name == "block_cond")
        block.build((None, 16, 16))
        check_layer(self, name, block, reference_names._block("b", block))

    def test_golden_norm(self):
        block = TransformerBlock(2, 2)
        block.build((None, 4, 16))
        weights = [("weight", block.norm1.scale, reference_names.same)]
        check_layer(self, "rmsnorm", block.norm1, weights)

    def test_conditional_block_is_the_identity_at_first(self):
        tokens, condition = (
            np.random.default_rng(0).standard_normal(shape).astype("float32")
            for shape in (TOKENS, (2, 1, 8))
        )
        block = TransformerBlock(2, 2, conditional=True)
        self.assertAllClose(block(tokens, condition), tokens)
        self.assertNotAllClose(TransformerBlock(2, 2)(tokens), tokens, atol=1e-3)

    @parameterized.product(
        conditional=[False, True],
        dtype=["float32", "mixed_bfloat16"],
        wide=[False, True],
    )
    @pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch only")
    @pytest.mark.filterwarnings("ignore")  # those of torch.compile are about torch
    def test_a_function_of_tensors_does_as_layers_do(self, conditional, dtype, wide):
        """Before torch compiles it; also with layers that are changed afterwards."""
        import torch

        block = TransformerBlock(2, 2, conditional, wide_residuals=wide, dtype=dtype)
        block.build(TOKENS)
        perturb_weights(block)
        random = np.random.default_rng(0)
        shapes = [TOKENS, (2, 1, 8)][: 1 + conditional]
        inputs = [random.standard_normal(shape).astype("float32") for shape in shapes]
        for change in (
            lambda: None,
            lambda: block.attention.qkv.enable_lora(2),
            lambda: block.attention.qkv.lora_kernel_b.assign(np.ones((2, 24))),
            lambda: block.mlp.contract.quantize("int8"),
        ):
            change()
            expected = to_numpy(block(*inputs))
            with torch.compiler.set_stance("force_eager"), compiled_blocks(True):
                actual = to_numpy(block(*inputs))
            self.assertAllClose(actual, expected, atol=1e-6)
