"""What a training step logs beside its losses."""

import keras
import numpy as np
import pytest

from keras_sphere.backend.operations import compiled
from keras_sphere.metrics import psnr
from keras_sphere.models.training_measures import (
    MEASURES,
    measure,
    new_measures,
    update_measures,
)
from tests import tiny_models
from tests.testing import to_numpy

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
BATCH = {"images": IMAGES, "labels": LABELS, "draws": tiny_models.new_draws(8)}


def expected_measures(outputs, images):
    """The measures per image in NumPy and float64."""
    latents, cycled, decoded = (
        to_numpy(outputs[name]).astype("float64")
        for name in ("latents", "cycled_latents", "reconstruction")
    )
    norms = np.sqrt(np.mean(latents**2, axis=(1, 2)))
    a, b = (x.reshape(len(x), -1) for x in (latents, cycled))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return {
        "psnr": psnr(images, decoded, max_value=2.0),
        "latent_norm": norms,
        "latent_norm_std": np.full(len(norms), np.std(norms)),
        "cycle_angle": np.degrees(np.arccos(np.sum(a * b, axis=1) / lengths)),
    }


@pytest.fixture(scope="module")
def outputs(shared_model):
    """Of the training forward; restored weights give them again."""
    forward = compiled(lambda inputs: shared_model.training_outputs(**inputs))
    return {k: to_numpy(v) for k, v in forward(BATCH).items() if k != "features"}


@pytest.fixture(scope="module")
def expected(outputs):
    return expected_measures(outputs, IMAGES)


def test_values(outputs, expected):
    received = measure(IMAGES, outputs)
    assert set(received) == set(expected) == set(MEASURES)
    for name, values in expected.items():
        np.testing.assert_allclose(to_numpy(received[name]), values, rtol=1e-4)
    assert np.std(expected["psnr"]) > 0.1


def test_bytes_measure_as_floats_do(outputs):
    images = np.round((IMAGES + 1.0) * 127.5).astype("uint8")
    floats = images / np.float32(127.5) - 1.0
    for a, b in zip(
        measure(images, outputs).values(),
        measure(floats, outputs).values(),
        strict=True,
    ):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-5)


def test_a_perfect_image_has_a_finite_psnr(outputs):
    outputs = {**outputs, "cycled_latents": outputs["latents"]}
    received = measure(IMAGES, {**outputs, "reconstruction": IMAGES})
    np.testing.assert_allclose(to_numpy(received["psnr"]), 100.0, rtol=1e-5)
    np.testing.assert_allclose(to_numpy(received["cycle_angle"]), 0.0, atol=1e-3)


def test_a_smaller_batch_counts_less(outputs, expected):
    measures = new_measures()
    for rows in (slice(6), slice(6, None)):
        part = {name: values[rows] for name, values in outputs.items()}
        update_measures(measures, IMAGES[rows], part)
    for name in ("psnr", "latent_norm", "cycle_angle"):
        mean = float(measures[name].result())
        assert mean == pytest.approx(expected[name].mean(), rel=1e-4)


def test_logs_are_means_over_the_images(model, outputs):
    """In each epoch, in an evaluation and of one batch, of the weights before it."""
    halves = [
        expected_measures({k: v[rows] for k, v in outputs.items()}, IMAGES[rows])
        for rows in (slice(4), slice(4, None))
    ]
    model.optimizer.learning_rate = 0.0  # both batches see the same weights
    options = {"batch_size": 4, "verbose": 0}
    history = model.fit(BATCH, epochs=2, shuffle=False, **options).history
    evaluation = model.evaluate(BATCH, return_dict=True, **options)
    half = keras.tree.map_structure(lambda x: x[:4], BATCH)
    one_batch = model.train_on_batch(half, return_dict=True)
    for name in MEASURES:
        mean = np.mean([half[name].mean() for half in halves])
        logged = [*history[name], evaluation[name]]
        assert logged == pytest.approx([mean] * 3, rel=1e-3)
        assert one_batch[name] == pytest.approx(halves[0][name].mean(), rel=1e-3)


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="strategies are TensorFlow's"
)
def test_replicas_train_and_log_as_one():
    """With clipping, by the norm of the whole batch's gradient."""
    from tests.models import replicas

    one, two = replicas.train_in_a_process(1), replicas.train_in_a_process(2)
    assert set(one) == set(two)
    for name, value in one.items():
        if name != "logs/latent_norm_std":  # of the images of one replica
            np.testing.assert_allclose(two[name], value, rtol=1e-4, atol=2e-5)
