"""Files of whole models and of weights: what comes back, and that they are atomic."""

import os

import keras
import numpy as np
import pytest

from keras_sphere import SphereAdamW, WarmupCosine
from keras_sphere.losses import LatentCosineDistance, LatentUniformity, PixelLoss
from tests import tiny_models
from tests.models.conftest import compile_quickly, without_tracing
from tests.tiny_models import fit

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()


@keras.saving.register_keras_serializable(package="keras_sphere_tests")
class ScaledDistance(LatentCosineDistance):
    """A loss object of a user's own, with an argument."""

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        return self.scale * super().call(y_true, y_pred)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def loss_values(model):
    draws = tiny_models.new_draws(4) | tiny_models.new_projection_draws(4, 8)
    outputs = model.training_outputs(IMAGES[:4], LABELS[:4], draws)
    return {k: float(v) for k, v in model.loss_terms(IMAGES[:4], outputs).items()}


@pytest.fixture(scope="module")
def trained():
    """A model with nothing left at its default."""
    model = compile_quickly(
        tiny_models.new_model(
            max_angle_degrees=70.0,
            hard_case_probability=0.3,
            hard_case_band="full",
            perceptual="gradient",
            sampling={"steps": 2, "schedule": "decay"},
            seed=9,
        ),
        optimizer=SphereAdamW(
            WarmupCosine(1e-2, 1e-4, 2, 20),
            encoder_learning_rate_factor=0.3,
            ema_momentum=0.5,
        ),
        loss={
            "pixel_reconstruction": PixelLoss(name="pixel_reconstruction"),
            "pixel_consistency": PixelLoss(name="pixel_consistency"),
            "latent_consistency": ScaledDistance(3.0, name="latent_consistency"),
            "latent_uniformity": LatentUniformity(8),
        },
        loss_weights={
            "pixel_reconstruction": 0.9,
            "pixel_consistency": 0.4,
            "latent_consistency": 0.2,
            "latent_uniformity": 0.3,
        },
    )
    fit(without_tracing(model))
    return model


def test_a_file_brings_back_every_argument_and_value(trained, tmp_path):
    path = tmp_path / "model.keras"
    trained.save(path)
    loaded = keras.saving.load_model(path)
    assert loaded.get_config() == trained.get_config()
    assert loaded.get_compile_config() == trained.get_compile_config()
    assert loss_values(loaded) == pytest.approx(loss_values(trained), rel=1e-5)
    variables, expected = (
        [*m.backbone.weights, *m.optimizer.variables] for m in (loaded, trained)
    )
    assert len(variables) == len(expected)
    for a, b in zip(variables, expected, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (a, b)))
    options = {"num_images": 2, "seed": 0}
    np.testing.assert_allclose(
        loaded.generate(**options), trained.generate(**options), atol=1e-6
    )
    assert np.all(np.isfinite(fit(without_tracing(loaded))))
    assert int(loaded.optimizer.iterations) == 4


def test_a_perceptual_network_comes_back(tmp_path):
    image = keras.Input((tiny_models.IMAGE_SIZE, tiny_models.IMAGE_SIZE, 3))
    features = keras.layers.Conv2D(2, 3, data_format="channels_last")(image)
    model = compile_quickly(
        tiny_models.new_model(perceptual=keras.Model(image, features))
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.perceptual_network.trainable_weights == []
    for a, b in zip(
        loaded.perceptual_network.get_weights(),
        model.perceptual_network.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert loss_values(loaded) == pytest.approx(loss_values(model), rel=1e-5)


@pytest.mark.parametrize("method", ["save", "save_weights"])
def test_a_failed_save_leaves_the_earlier_file(trained, tmp_path, method, monkeypatch):
    name = {"save": "model.keras", "save_weights": "model.weights.h5"}[method]
    path = tmp_path / "new_folder" / name
    getattr(trained, method)(path)
    before = path.read_bytes()

    def fail(store):
        raise OSError("No space left on device")

    monkeypatch.setattr(trained.backbone.encoder, "save_own_variables", fail)
    with pytest.raises(OSError, match="No space left"):
        getattr(trained, method)(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [name]


def test_a_file_is_not_overwritten_when_told_not_to(trained, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    path.write_text("earlier")
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    trained.save(path, overwrite=False)
    assert path.read_text() == "earlier"


def test_other_ways_of_saving_are_those_of_keras(trained, tmp_path):
    trained.save(tmp_path / "folder", zipped=False)
    assert (tmp_path / "folder" / "config.json").exists()
    trained.save_weights(tmp_path / "a.weights.json", max_shard_size=1)
    assert (tmp_path / "a.weights.json").exists()
    with pytest.raises(ValueError, match=r"must end in `\.weights\.h5`"):
        trained.save_weights(tmp_path / "a.h5")
