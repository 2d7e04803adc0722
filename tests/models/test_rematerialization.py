"""Blocks that compute their activations again in the backward pass."""

import pathlib
import random
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_sphere import SphereAdamW, SphereEncoderBackbone, SphereEncoderModel, presets
from keras_sphere.layers import TransformerBlock
from tests import tiny_models
from tests.models.conftest import compile_quickly, without_tracing
from tests.testing import perturb_weights, to_numpy

NUM_LAYERS = 2
SIZE = {"hidden_dim": 16, "num_layers": NUM_LAYERS, "num_heads": 2}
BATCH = {
    "images": tiny_models.new_images(),
    "labels": tiny_models.new_labels(),
    "draws": {**tiny_models.new_draws(8), "noise": np.ones((8, 4, 4), "float32")},
}


def new_model(every, **arguments):
    backbone = SphereEncoderBackbone(
        tiny_models.IMAGE_SIZE,
        8,
        tiny_models.LATENT_SHAPE[1],
        encoder_mixer_depth=0,
        decoder_mixer_depth=0,
        rematerialize_every=every,
        **{
            "num_classes": 3,
            "num_in_context_tokens": 2,
            "encoder_size": SIZE,
            "decoder_size": SIZE,
            **arguments,
        },
    )
    perturb_weights(backbone)
    return SphereEncoderModel(backbone, max_angle_degrees=80.0, seed=0)


@pytest.fixture(scope="module")
def start():
    random.seed(0)  # Keras' default seeds come from there
    return new_model(None).backbone.get_weights()


def train(start, every, **arguments):
    model = new_model(every, **arguments)
    model.backbone.set_weights(start)
    before = [to_numpy(v) for v in model.trainable_variables]
    optimizer = SphereAdamW(0.02, epsilon=1e-3, encoder_learning_rate_factor=1.0)
    compile_quickly(model, optimizer=optimizer)
    if every is None:
        without_tracing(model)
    options = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    losses = model.fit(BATCH, **options).history["loss"]
    assert np.all(np.isfinite(losses))
    for variable, value in zip(model.trainable_variables, before, strict=True):
        assert not np.array_equal(to_numpy(variable), value), variable.path
    return model, losses


@pytest.fixture(scope="module")
def plain(start):
    return train(start, None)


@pytest.mark.parametrize("every", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_trains_as_without(start, plain, every):
    model, losses = train(start, every)
    expected, expected_losses = plain
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    for variable, other in zip(
        model.trainable_variables, expected.trainable_variables, strict=True
    ):
        assert variable.path == other.path
        np.testing.assert_allclose(to_numpy(variable), to_numpy(other), atol=2e-5)


def test_works_without_a_condition_and_in_mixed_precision():
    """Where the inputs of a block and the casts of its weights are others."""
    size = {**SIZE, "num_layers": 1}
    arguments = {"num_classes": 0, "encoder_size": size, "decoder_size": size}
    arguments["dtype"] = "mixed_bfloat16"
    start = new_model(None, **arguments).backbone.get_weights()
    train(start, 1, **arguments)


class CountedBlock(TransformerBlock):
    """Counts how often Python runs it."""

    calls = 0

    def call(self, tokens, *conditions):
        type(self).calls += 1
        return super().call(tokens, *conditions)


TOKENS = np.random.default_rng(0).standard_normal((8, 4, 16)).astype("float32")
LABELS = np.zeros(8, "int32")


def kept_by_jax(transformer):
    """Bytes of the residuals between forward and backward pass."""
    import jax

    def forward(values, tokens):
        return transformer.stateless_call(values, fixed, tokens, LABELS)[0]

    values = [v.value for v in transformer.trainable_variables]
    fixed = [v.value for v in transformer.non_trainable_variables]
    backward = jax.vjp(forward, values, TOKENS)[1]
    return sum(leaf.nbytes for leaf in jax.tree.leaves(backward))


def kept_by_torch(transformer):
    """Bytes that autograd keeps, each storage once."""
    import torch

    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        transformer(keras.ops.convert_to_tensor(TOKENS), LABELS)
    return sum(kept.values())


def recomputations_by_tensorflow(transformer):
    """How often a gradient runs the blocks anew, less often for more kept."""
    import tensorflow as tf

    for block in transformer.blocks:
        block.__class__ = CountedBlock
    with tf.GradientTape() as tape:
        output = transformer(TOKENS, LABELS)
    before = CountedBlock.calls
    tape.gradient(output, transformer.trainable_variables)
    return before - CountedBlock.calls


MEASURE = {
    "jax": kept_by_jax,
    "torch": kept_by_torch,
    "tensorflow": recomputations_by_tensorflow,
}


def test_keeps_less_for_the_backward_pass():
    """In proportion to the blocks that compute anew; one of two if every second."""
    measure = MEASURE[keras.backend.backend()]
    none, third, second, every = (
        measure(new_model(n).backbone.encoder.transformer) for n in (None, 3, 2, 1)
    )
    per_block = none - second
    assert third == none
    assert per_block > 0
    assert none - every == pytest.approx(NUM_LAYERS * per_block, rel=0.1)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "jax", reason="XLA plans JAX's memory")
def test_compiled_program_needs_less_memory():
    command = [sys.executable, "-m", "tests.models.planned_memory"]
    root = pathlib.Path(__file__).parents[2]
    output = subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True
    ).stdout
    none, every = map(int, output.split())
    assert every < 0.6 * none


def test_file_keeps_the_option_and_preset_does_not(tmp_path):
    model = new_model(2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.backbone.get_config()["rematerialize_every"] == 2
    assert loaded.backbone.encoder.transformer.rematerialize_every == 2
    model.save_to_preset(tmp_path / "preset")
    plain = presets.load(tmp_path / "preset")
    assert plain.backbone.decoder.transformer.rematerialize_every is None
    again = presets.load(tmp_path / "preset", rematerialize_every=1)
    assert again.backbone.decoder.transformer.rematerialize_every == 1
    expected = model.backbone.trainable_variables
    for variable, other in zip(again.trainable_variables, expected, strict=True):
        assert variable.path == other.path
        np.testing.assert_array_equal(to_numpy(variable), to_numpy(other))


@pytest.mark.parametrize("every", [0, -1, 1.5, True])
def test_bad_values(every):
    with pytest.raises(ValueError, match=f"rematerialize_every.*Received.*{every}"):
        new_model(every)
