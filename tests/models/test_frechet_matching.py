"""Frechet terms in a model: what they compare, from when on, and what files keep."""

import random

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere.losses import ByAngle, ComputedLoss, Drifting
from keras_sphere.losses.frechet_term import FrechetTerm
from keras_sphere.losses.item_weights import balanced_weights
from keras_sphere.training import TrainingCheckpoint
from tests import tiny_models
from tests.differentiation import kernel_gradient
from tests.models.conftest import without_tracing
from tests.testing import to_numpy

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
BOTH = {"compares": ["latents", "features"], "decay": 0.5}
NAMES = ("frechet_latents", "frechet_features")
ONE = np.float32(1.0)


def new_model(seed=0, settings=BOTH, **arguments):
    random.seed(seed)  # Keras' default seeds come from there
    model = tiny_models.new_rotating_model(
        seed=seed, frechet_matching=settings, **arguments
    )
    return compiled(model)


def compiled(model, **arguments):
    model.compile(
        keras_sphere.SphereAdamW(1e-2),
        jit_compile=keras.backend.backend() == "jax",  # XLA takes long elsewhere
        **arguments,
    )
    return model


def draws():
    angles = np.float32([1.5, 1.5, 1.2, 0.9, 0.1, 1.4, 1.3, 0.0])
    return {"noise": tiny_models.new_draws(8)["noise"], "angles": angles}


def same(actual, expected, atol=0.0):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=0, atol=atol)


def test_what_is_compared():
    """Latents of images and of decoded ones, and pixels, over high angles."""
    model = new_model()
    outputs = model.training_outputs(IMAGES, LABELS, draws())
    terms = model.loss_terms(IMAGES, outputs)
    weights = ByAngle(None, "high").weights(draws()["angles"])
    pairs = {
        "frechet_latents": [outputs["sphere_latents"], outputs["cycled_latents"]],
        "frechet_features": [
            to_numpy(x) / 2.0 + 0.5 for x in (IMAGES, outputs["reconstruction"])
        ],
    }
    for name, pair in pairs.items():
        values, distance = FrechetTerm(0.5)(*pair, weights)
        expected = 0.1 * keras.ops.mean(values * balanced_weights(weights))
        same([terms[name]], [expected], 1e-5)
        same([outputs["distances"][f"{name}_distance"][3]], [distance], 1e-5)


def test_the_decoder_follows_the_term():
    """The gradient is that of the distance, relative to itself."""
    model = new_model(settings={"decay": 0.5})
    layer = model.backbone.decoder.transformer.blocks[0].mlp.contract

    def value(of):
        outputs = model.training_outputs(IMAGES, LABELS, draws())
        return of(outputs, model.loss_terms(IMAGES, outputs))

    gradient = kernel_gradient(layer, lambda: value(lambda _, t: t[NAMES[0]]), ONE)
    assert np.any(gradient)
    before = to_numpy(layer.kernel)

    def distance():
        given = model.training_outputs(IMAGES, LABELS, draws())["distances"]
        return float(to_numpy(given[f"{NAMES[0]}_distance"])[0])

    start = distance()
    layer.kernel.assign(before - 0.05 * gradient / np.abs(gradient).max())
    assert distance() < start


def test_before_the_start_averages_move_and_training_is_as_without():
    certain = {"label_dropout": 0.0}
    settings = {**BOTH, "start_steps": 2}
    plain = without_tracing(compiled(tiny_models.new_rotating_model(backbone=certain)))
    model = without_tracing(new_model(settings=settings, backbone=certain))
    model.backbone.set_weights(plain.backbone.get_weights())
    for step in range(3):
        logs = [
            m.train_on_batch(IMAGES, LABELS, return_dict=True) for m in (plain, model)
        ]
        assert int(model.frechet.steps) == step + 1
        for term in model.frechet.terms.values():
            assert float(term.calls) == step + 1.0
        for name in NAMES:
            assert (float(logs[1][f"{name}_loss"]) > 0.0) == (step == 2)
            assert float(logs[1][f"{name}_distance"]) > 0.0
        if step < 2:
            same(model.backbone.weights, plain.backbone.weights, 1e-7)
    with pytest.raises(AssertionError):
        same(model.backbone.weights, plain.backbone.weights, 1e-5)
    state = [to_numpy(v) for v in model.frechet.variables]
    model.evaluate(IMAGES, LABELS, batch_size=4, verbose=0)
    same(model.frechet.variables, state)


def test_goes_on_bit_for_bit(tmp_path):
    """Over the start of the terms, in a model of other weights and seeds."""
    settings = {**BOTH, "start_steps": 3}

    def trained(model, folder, epochs):
        checkpoint = TrainingCheckpoint(folder, every_epochs=1)
        start = checkpoint.resume(model)
        model.fit(
            [(IMAGES[:4], LABELS[:4]), (IMAGES[4:], LABELS[4:])],
            initial_epoch=start.epoch,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[checkpoint],
        )
        return tiny_models.state(model)

    expected = trained(new_model(settings=settings), tmp_path / "whole", 3)
    trained(new_model(settings=settings), tmp_path / "cut", 1)
    same(trained(new_model(1, settings), tmp_path / "cut", 3), expected)


def test_files(tmp_path):
    model = new_model()
    model.train_on_batch(IMAGES, LABELS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.frechet_matching == model.frechet_matching
    same(loaded.frechet.variables, model.frechet.variables)
    model.save_to_preset(tmp_path / "preset", use_ema=False)
    preset = keras_sphere.presets.load(tmp_path / "preset")
    assert preset.frechet_matching == model.frechet_matching
    losses = preset._compile_loss._user_loss
    assert {losses[name].regime for name in NAMES} == {"high"}
    fewer = keras_sphere.presets.load(
        tmp_path / "preset", frechet_matching={"compares": ["latents"]}
    )
    assert set(fewer._compile_loss._user_loss) == {*model.objective.weights, NAMES[0]}
    path = tmp_path / "preset" / "config.json"
    text = path.read_text()
    text = text.replace('"perceptual": null', '"perceptual": "lpips"')
    path.write_text(text.replace('es": "pixels"', 'es": "features"'))
    lacking = keras_sphere.presets.load(tmp_path / "preset")
    assert lacking.frechet_matching["compares"] == ["latents"]


def test_bad_arguments():
    new = tiny_models.new_rotating_model
    for settings, message in (
        ({"start": 1}, r"some of the keys.*'start'"),
        (True, r"a dict with some of the keys.*True"),
        ({"compares": ["pixels"]}, r"`compares.*'pixels'"),
        ({"compares": ["latents", "latents"]}, r"each once"),
        ({"start_steps": -1}, r"`start_steps`.*-1"),
    ):
        with pytest.raises(ValueError, match=message):
            new(frechet_matching=settings)
    with pytest.raises(ValueError, match=r"`frechet_matching` must be None.*method"):
        tiny_models.new_model(frechet_matching={})
    with pytest.raises(ValueError, match=r"needs a `perceptual` network"):
        new(frechet_matching=BOTH, distribution_features="features")
    model, plain = new_model(), new()
    weights = {**plain.objective.weights, **dict.fromkeys(NAMES, 0.1)}
    with pytest.raises(ValueError, match=r"`frechet_matching` belong together"):
        plain.compile(loss_weights=weights)
    drifting = {
        **model.objective.default_losses(names=NAMES),
        "frechet_latents": ByAngle(Drifting(), "high"),
    }
    assert isinstance(drifting["frechet_features"].loss, ComputedLoss)
    with pytest.raises(ValueError, match=r"around a `ComputedLoss`"):
        model.compile(loss=drifting, loss_weights=weights)
