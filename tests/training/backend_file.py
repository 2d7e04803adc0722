"""Trains a tiny model on one backend, or reads on it what another one wrote.

python -m tests.training.backend_file write|read DIRECTORY OUTPUTS.npz
"""

import pathlib
import sys

import keras
import numpy as np

import keras_sphere
from keras_sphere.data import ShuffledBatches
from keras_sphere.training import TrainingCheckpoint
from tests import tiny_models

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()


def outputs(model):
    """What a model computes, and what its optimizer holds."""
    options = {"labels": LABELS[:4], "steps": 2, "seed": 0}
    return {
        "latents": model.encode(IMAGES, LABELS),
        "samples": model.generate(**options),
        "averaged": model.generate(use_ema=True, **options),
        **{
            f"optimizer{i}": keras.ops.convert_to_numpy(variable)
            for i, variable in enumerate(model.optimizer.variables)
        },
    }


def new_model():
    model = tiny_models.new_model()
    model.compile(
        keras_sphere.SphereAdamW(0.01, ema_momentum=0.5),
        jit_compile="auto" if keras.backend.backend() == "jax" else False,
    )
    return model


def train(model, checkpoint, start, epochs):
    batches = ShuffledBatches(IMAGES, LABELS, batch_size=4)
    return model.fit(
        batches.starting_at(*start),
        steps_per_epoch=len(batches),
        initial_epoch=start.epoch,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[checkpoint],
    )


def write(directory, path):
    model, checkpoint = new_model(), TrainingCheckpoint(directory / "run")
    train(model, checkpoint, checkpoint.resume(model), epochs=1)
    model.save(directory / "model.keras")
    model.save_weights(directory / "model.weights.h5")
    np.savez(path, **outputs(model))


def read(directory, path):
    """Compares all three kinds of files; then goes on with the training."""
    expected = dict(np.load(path))
    loaded = keras.saving.load_model(directory / "model.keras")
    weights = new_model()
    weights.optimizer.build(weights.trainable_variables)
    weights.load_weights(directory / "model.weights.h5")
    resumed, checkpoint = new_model(), TrainingCheckpoint(directory / "run")
    start = checkpoint.resume(resumed)
    for model in (loaded, weights, resumed):
        received = outputs(model)
        assert received.keys() == expected.keys()
        for name, value in received.items():
            np.testing.assert_allclose(value, expected[name], atol=1e-4, err_msg=name)
    losses = train(resumed, checkpoint, start, start.epoch + 1).history["loss"]
    assert np.all(np.isfinite(losses))


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](
        pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    )
