"""How the model trains, what it freezes and fixes, and that files bring it back."""

import logging
import types

import keras
import numpy as np
import pytest

from keras_sphere import SphereAdamW
from keras_sphere.models.perceptual_maps import feature_maps
from tests import tiny_models
from tests.differentiation import input_gradients
from tests.models.conftest import compile_quickly, without_tracing

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
METHODS = ("encode", "decode", "reconstruct", "generate")


def to_numpy(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def fit(model, *data, epochs=1):
    history = model.fit(
        *data, batch_size=4, epochs=epochs, shuffle=False, verbose=0
    ).history
    return history["loss"]


def test_loss_falls_on_eight_images(model):
    model.optimizer.learning_rate = 0.02
    losses = fit(model, IMAGES, LABELS, epochs=12)
    assert np.mean(losses[-3:]) < 0.6 * losses[0]


def test_steps_draw_different_noise_and_the_seed_repeats_it(model):
    values = tiny_models.state(model)
    model.optimizer.learning_rate = 0.0
    losses = fit(model, IMAGES, epochs=2)
    assert abs(losses[0] - losses[1]) > 1e-6
    tiny_models.restore(model, values)
    model.optimizer.learning_rate = 0.0
    assert fit(model, IMAGES, epochs=2) == pytest.approx(losses, rel=1e-6)


def test_targets_get_no_gradient(model):
    """Each prediction learns from its own loss, not from serving as a target."""
    names = ("latents", "cycled_latents", "reconstruction", "noisy_reconstruction")
    outputs = model.training_outputs(
        IMAGES[:4], LABELS[:4], tiny_models.new_draws(4), training=False
    )
    outputs = {name: to_numpy(outputs[name]) for name in names}

    def gradients(term):
        def function(*tensors):
            given = dict(zip(names, tensors, strict=True), features=[[], [], []])
            touched = sum(keras.ops.sum(tensor) for tensor in tensors)
            return model.loss_terms(IMAGES[:4], given)[term] + 0.0 * touched

        values = input_gradients(function, list(outputs.values()), np.float32(1.0))
        return dict(zip(names, values, strict=True))

    total = gradients("total")
    assert not np.any(total["latents"])
    for name, term in (
        ("reconstruction", "pixel_reconstruction"),
        ("noisy_reconstruction", "pixel_consistency"),
        ("cycled_latents", "latent_consistency"),
    ):
        own = gradients(term)
        assert np.any(own[name])
        np.testing.assert_allclose(total[name], own[name], atol=1e-9)
        assert not any(np.any(own[other]) for other in names if other != name)


def test_no_labels_is_the_null_class(model):
    null = np.full(8, tiny_models.NUM_CLASSES)
    images = tiny_models.new_images()
    latents = to_numpy(model.backbone.spherify(model.backbone.encode(images, null)))
    np.testing.assert_allclose(model.encode(images), latents, atol=1e-5)
    assert np.abs(model.encode(images, LABELS) - latents).max() > 1e-3
    decoded = to_numpy(model.backbone.decode(latents, null))
    np.testing.assert_allclose(model.decode(latents), decoded, atol=1e-5)
    assert np.abs(model.decode(latents, LABELS) - decoded).max() > 1e-3


def test_gradient_features_add_to_the_pixel_losses(model):
    weights = model.backbone.get_weights()
    plain = tiny_models.new_model(weights=weights)
    sharp = tiny_models.new_model(weights=weights, perceptual="gradient")
    draws = tiny_models.new_draws(4)
    terms = [
        m.loss_terms(IMAGES[:4], m.training_outputs(IMAGES[:4], LABELS[:4], draws))
        for m in (plain, sharp)
    ]
    for name in ("pixel_reconstruction", "pixel_consistency"):
        assert float(terms[1][name]) > float(terms[0][name])
    name = "latent_consistency"
    assert float(terms[1][name]) == pytest.approx(float(terms[0][name]), abs=1e-6)


def feature_network():
    image = keras.Input((tiny_models.IMAGE_SIZE, tiny_models.IMAGE_SIZE, 3))
    options = {"strides": 2, "activation": "relu", "data_format": "channels_last"}
    fine = keras.layers.Conv2D(4, 3, **options)(image)
    coarse = keras.layers.Conv2D(4, 3, **options)(fine)
    return keras.Model(image, [fine, coarse])


@pytest.fixture(scope="module")
def unconditional():
    """An unconditional mixed precision model with a perceptual network, trained."""
    logged, handler = [], logging.Handler()
    handler.emit = logged.append
    logger = logging.getLogger("keras_sphere")
    logger.addHandler(handler)
    network = feature_network()
    frozen = network.get_weights()
    model = compile_quickly(
        tiny_models.new_model(num_classes=0, dtype="mixed_bfloat16", perceptual=network)
    )
    before = model.backbone.get_weights()
    losses = [*fit(model, IMAGES, LABELS), *fit(model, IMAGES, LABELS)]
    logger.removeHandler(handler)
    return types.SimpleNamespace(
        model=model,
        network=network,
        frozen=frozen,
        before=before,
        losses=losses,
        messages=[record.getMessage() for record in logged],
    )


def test_perceptual_network_is_frozen(unconditional):
    network, model = unconditional.network, unconditional.model
    assert network.trainable_weights == []
    assert len(model.trainable_weights) == len(model.backbone.trainable_weights)
    for a, b in zip(network.get_weights(), unconditional.frozen, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(model.backbone.get_weights(), unconditional.before, strict=True)
    )


def test_perceptual_network_is_in_the_loss_and_lets_gradients_through(unconditional):
    model = unconditional.model
    outputs = model.training_outputs(IMAGES[:4], draws=tiny_models.new_draws(4))
    assert [len(features) for features in outputs["features"]] == [2, 2, 2]
    name = "pixel_reconstruction"
    with_features = model.loss_terms(IMAGES[:4], outputs)[name]
    without = model.loss_terms(IMAGES[:4], {**outputs, "features": [[], [], []]})[name]
    assert float(with_features) > float(without)

    def reconstruction_loss(reconstruction):
        features = feature_maps(
            model.perceptual_network, IMAGES[:4], reconstruction, reconstruction
        )
        given = {**outputs, "reconstruction": reconstruction, "features": features}
        given["reconstruction"] = keras.ops.stop_gradient(reconstruction)
        return model.loss_terms(IMAGES[:4], given)[name]

    inputs = [to_numpy(outputs["reconstruction"])]
    assert np.any(input_gradients(reconstruction_loss, inputs, np.float32(1.0))[0])


def test_mixed_precision_keeps_geometry_and_weights_in_float32(unconditional):
    model = unconditional.model
    assert np.all(np.isfinite(unconditional.losses))
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.backbone.encoder.compute_dtype == "bfloat16"
    outputs = model.training_outputs(IMAGES[:4], draws=tiny_models.new_draws(4))
    del outputs["features"]
    for name, tensor in outputs.items():
        assert keras.backend.standardize_dtype(tensor.dtype) == "float32", name
    norms = np.sqrt(np.mean(np.square(to_numpy(outputs["noisy_latents"])), (1, 2)))
    np.testing.assert_allclose(norms, 1.0, atol=1e-4)


def test_unconditional_model_drops_labels_and_says_so_once(unconditional):
    assert len(unconditional.losses) == 2
    assert len(unconditional.messages) == 1
    assert "unconditional" in unconditional.messages[0]
    assert "labels are dropped" in unconditional.messages[0]


@pytest.mark.parametrize("method", METHODS)
def test_unconditional_model_refuses_labels(unconditional, method):
    data = {
        "encode": (IMAGES[:2],),
        "decode": (np.ones((2, *tiny_models.LATENT_SHAPE)),),
        "reconstruct": (IMAGES[:2],),
        "generate": (),
    }[method]
    with pytest.raises(ValueError, match=r"`labels` must be None.*Received: labels="):
        getattr(unconditional.model, method)(*data, labels=[0, 1])


def test_guidance_needs_classes(unconditional):
    with pytest.raises(ValueError, match=r"`guidance_scale` above 1.*Received.*2\.0"):
        unconditional.model.generate(2, guidance_scale=2.0)


def test_a_file_brings_back_the_model_and_its_training(model, tmp_path):
    model.optimizer.learning_rate = 0.01
    fit(model, IMAGES, LABELS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for options in ({}, {"use_ema": True}):
        options = {"labels": LABELS[:4], "steps": 2, "seed": 0, **options}
        np.testing.assert_allclose(
            loaded.generate(**options), model.generate(**options), atol=1e-6
        )
    assert type(loaded.optimizer) is SphereAdamW
    assert int(loaded.optimizer.iterations) == 2
    copy_seeds(model, loaded)
    assert fit(without_tracing(loaded), IMAGES, LABELS) == pytest.approx(
        fit(model, IMAGES, LABELS), rel=1e-5
    )
    for a, b in zip(tiny_models.state(loaded), tiny_models.state(model), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def copy_seeds(source, target):
    """Files leave out the state of the random generators."""
    pairs = zip(source.variables, target.variables, strict=True)
    seeds = [(a, b) for a, b in pairs if "seed_generator" in a.path]
    assert len(seeds) == 3
    for a, b in seeds:
        b.assign(np.array(to_numpy(a)))  # JAX must not donate it twice
