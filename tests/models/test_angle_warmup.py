"""Noise that grows in the first steps of a training."""

import math

import keras
import numpy as np
import pytest

from keras_sphere.models.angle_warmup import AngleWarmup
from tests.tiny_models import fit, new_images, new_labels, new_model, new_rotating_model


def strengths(layer, calls, training=True):
    return [float(layer(training=training)) for _ in range(calls)]


def largest_angle(model, training):
    """Degrees that noise moves the latents of a batch by, at most."""
    outputs = model.training_outputs(new_images(), new_labels(), training=training)
    points = model.backbone.spherify(outputs["latents"])
    pair = [
        np.reshape(keras.ops.convert_to_numpy(x), (8, -1))
        for x in (points, outputs["noisy_latents"])
    ]
    pair = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in pair]
    return np.degrees(np.arccos(np.clip(np.sum(pair[0] * pair[1], 1), -1, 1))).max()


def test_the_angle_rises_evenly():
    layer = AngleWarmup(80.0, steps=4, initial_degrees=20.0)
    expected = [math.tan(math.radians(a)) for a in (20, 35, 50, 65, 80, 80)]
    np.testing.assert_allclose(
        strengths(layer, 6), np.divide(expected, expected[-1]), rtol=1e-5
    )
    assert strengths(layer, 1) == [1.0]


def test_only_training_counts_steps():
    layer = AngleWarmup(80.0, steps=2)
    layer.build()
    assert strengths(layer, 3, training=False) == [1.0] * 3
    assert strengths(layer, 1)[0] < 0.1


def test_the_noise_of_a_model_grows(tmp_path):
    settings = {"steps": 4, "initial_degrees": 5.0}
    model = new_model(max_angle_degrees=80.0, angle_warmup=settings)
    assert largest_angle(model, training=True) < 15
    assert largest_angle(model, training=False) > 60
    model.compile()
    fit(model, epochs=1)
    assert int(model.growing_noise.steps_done) == 3
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.angle_warmup == settings
    assert int(loaded.growing_noise.steps_done) == 3
    fit(loaded, epochs=1)
    assert largest_angle(loaded, training=True) > 60


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"`angle_warmup` must be None or a dict of `steps`.*angle_warmup=\{\}"),
        ({"steps": 3, "first": 1}, "perhaps `initial_degrees`"),
        ({"steps": 0}, "`steps` must be.*steps=0"),
        ({"steps": 3, "initial_degrees": 70}, "at most `max_angle_degrees`=60.*=70"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        new_model(max_angle_degrees=60.0, angle_warmup=settings)


def test_a_rotation_takes_all_angles_from_the_start():
    with pytest.raises(ValueError, match=r"`angle_warmup` must be None.*'steps': 3"):
        new_rotating_model(angle_warmup={"steps": 3})
