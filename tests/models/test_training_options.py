"""Options of training save memory or time, and leave the result as it is."""

import random
import shutil

import keras
import numpy as np
import pytest

from keras_sphere import SphereAdamW, WarmupCosine
from tests import tiny_models
from tests.models.conftest import compile_quickly, without_tracing
from tests.testing import to_numpy

COUNT = 8
BATCHES = {
    "images": tiny_models.new_images(COUNT),
    "labels": tiny_models.new_labels(COUNT),
    "draws": tiny_models.new_draws(COUNT),
}
ON_TORCH = keras.backend.backend() == "torch"


@pytest.fixture(scope="module")
def start():
    """Weights that all models of this file start from."""
    random.seed(0)  # Keras' default seeds come from there
    return tiny_models.new_model().backbone.get_weights()


def train(start, batch_size=4, accumulation=None, dtype=None, traced=True, **arguments):
    """Trains on given noise; returns the model and what it logged of each epoch.

    All its weights must have moved.
    """
    model = tiny_models.new_model(dtype=dtype, weights=start)
    before = [to_numpy(v) for v in model.trainable_variables]
    optimizer = SphereAdamW(
        WarmupCosine(0.02, 1e-3, warmup_steps=1, decay_steps=5),
        epsilon=1e-3,  # else rounding decides about gradients that should be zero
        ema_momentum=0.5,
        global_clipnorm=0.1,
        gradient_accumulation_steps=accumulation,
    )
    compile_quickly(model, optimizer=optimizer, **arguments)
    if not traced:
        without_tracing(model)
    history = model.fit(
        BATCHES, batch_size=batch_size, epochs=2, shuffle=False, verbose=0
    ).history
    for variable, value in zip(model.trainable_variables, before, strict=True):
        assert not np.array_equal(to_numpy(variable), value), variable.path
    return model, history


@pytest.fixture(scope="module")
def plain(start):
    """Two epochs of two steps."""
    return train(start, traced=False)


def weights(model):
    averages = [average for _, average in model.optimizer.moving_averages()]
    return [to_numpy(v) for v in [*model.trainable_variables, *averages]]


def assert_close(model, expected, atol=2e-5):
    for a, b in zip(weights(model), weights(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def distance(model, other):
    """Euclidean distance between the weights."""
    pairs = zip(model.trainable_variables, other.trainable_variables, strict=True)
    squares = [np.sum(np.square(to_numpy(a) - to_numpy(b))) for a, b in pairs]
    return np.sqrt(np.sum(squares))


def test_accumulation_equals_a_large_batch(start):
    large, large_history = train(start, batch_size=8, traced=False)
    model, history = train(start, accumulation=2)
    assert_close(model, large)
    assert int(model.optimizer.iterations) == int(large.optimizer.iterations) == 2
    np.testing.assert_allclose(
        to_numpy(model.optimizer.gradient_norm),
        to_numpy(large.optimizer.gradient_norm),
        rtol=1e-3,
    )
    for name, values in large_history.items():
        if name != "latent_norm_std":  # of the images of a batch
            np.testing.assert_allclose(history[name], values, rtol=1e-3)


def test_mixed_precision_stays_close(start, plain):
    """Within 3% of the losses and a fifth of how far the weights moved."""
    expected, expected_history = plain
    model, history = train(start, dtype="mixed_bfloat16")
    for name in ("loss", "pixel_reconstruction_loss", "latent_consistency_loss"):
        np.testing.assert_allclose(history[name], expected_history[name], rtol=0.03)
    moved = distance(expected, tiny_models.new_model(weights=start))
    assert 0.0 < distance(model, expected) < 0.2 * moved
    state = [*model.trainable_variables, *model.optimizer.variables]
    assert {v.dtype for v in state if "iteration" not in v.path} == {"float32"}


def test_a_global_policy_leaves_losses_and_noise_in_float32(start):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny_models.new_model(weights=start, perceptual="gradient")
        model.compile()
        outputs = model(BATCHES, training=True)
        terms = model.loss_terms(BATCHES["images"], outputs)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.backbone.encoder.compute_dtype == "bfloat16"
    tensors = keras.tree.flatten([outputs, terms])
    dtypes = {keras.backend.standardize_dtype(tensor.dtype) for tensor in tensors}
    assert dtypes == {"float32"}
    sigma = model.noise_schedule.sigmas(BATCHES["draws"])[0]
    exact = model.backbone.perturb(
        model.backbone.spherify(outputs["latents"]), BATCHES["draws"]["noise"], sigma
    )
    np.testing.assert_allclose(
        to_numpy(outputs["noisy_latents"]), to_numpy(exact), atol=1e-5
    )


def test_several_steps_per_execution(start, plain):
    if ON_TORCH:
        with pytest.raises(ValueError, match=r"must be 1 with the PyTorch backend.*2"):
            train(start, steps_per_execution=2)
        return
    model, history = train(start, steps_per_execution=2)
    assert_close(model, plain[0])
    assert int(model.optimizer.iterations) == 4
    for name, values in plain[1].items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4)


def test_compilation_left_open_is_decided_by_the_backend_that_loads(model):
    """Not by the one that saved: XLA on JAX must not become torch.compile."""
    fresh = tiny_models.new_model()
    fresh.compile()
    assert fresh.get_compile_config()["jit_compile"] == "auto"
    assert fresh.jit_compile == (keras.backend.backend() == "jax")
    fresh.compile(jit_compile=False)
    assert fresh.get_compile_config()["jit_compile"] is False


def num_programs():
    """How many graphs torch has compiled in this process."""
    from torch._dynamo.utils import counters

    assert not counters["graph_break"]
    return counters["stats"]["unique_graphs"]


@pytest.mark.skipif(not ON_TORCH, reason="the others compile")
def test_torch_compiles_nothing_unasked(model):
    before = num_programs()
    tiny_models.fit(model)
    model.generate(2, steps=2, seed=0)
    assert num_programs() == before


def train_compiled(start, plain, **arguments):
    """As `plain` was, with `jit_compile=True`."""
    model = tiny_models.new_model(weights=start, **arguments)
    optimizer = SphereAdamW.from_config(plain[0].optimizer.get_config())
    model.compile(optimizer, jit_compile=True)
    model.fit(BATCHES, batch_size=4, epochs=2, shuffle=False, verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX always compiles")
@pytest.mark.skipif(
    ON_TORCH and not shutil.which("g++"), reason="torch.compile needs a C++ compiler"
)
@pytest.mark.filterwarnings("ignore")  # those of torch.compile are about torch
def test_a_compiled_step(start, plain):
    """By XLA on TensorFlow; on torch its blocks, by one program for all of them."""
    before = num_programs() if ON_TORCH else 0
    model = train_compiled(start, plain)
    assert_close(model, plain[0])
    if ON_TORCH:
        assert num_programs() == before + 1
        check_other_uses_of_compiled_blocks(model, start, plain)


def check_other_uses_of_compiled_blocks(model, start, plain):
    """They give what blocks that are not compiled give, by one program more."""
    before = num_programs()
    assert_close(train_compiled(start, plain, rematerialize_every=1), plain[0])
    tiny_models.fit(model, batch_size=2)
    expected = tiny_models.new_model(weights=model.backbone.get_weights())
    assert num_programs() == before
    for count in (3, 5):
        options = {"labels": [1] * count, "seed": 0, "steps": 3, "guidance_scale": 1.5}
        np.testing.assert_allclose(
            model.generate(**options), expected.generate(**options), atol=2e-5
        )
        assert num_programs() == before + 1
    model.evaluate(BATCHES, batch_size=4, verbose=0)
    batch = {name: BATCHES[name] for name in ("images", "labels")}
    images = expected.decode(expected.encode(*batch.values()), batch["labels"])
    for compiled in (
        model.decode(model.encode(*batch.values()), batch["labels"]),
        model.predict(batch, batch_size=8, verbose=0),
    ):
        np.testing.assert_allclose(compiled, images, atol=2e-5)
    assert num_programs() == before + 1
