"""One training of 20 steps in a process of its own, which may be killed.

    python -m tests.training.resumable_run DIRECTORY RESULT.npz [KILL_AFTER_STEP]

Appends `step loss` to `RESULT.npz.losses`, the losses as exact hexadecimal floats, and
writes all that training changed to `RESULT.npz` at the end.
"""

import os
import random
import signal
import sys

import keras
import numpy as np

import keras_sphere
from keras_sphere.data import ShuffledBatches
from keras_sphere.models.training_objective import UNIFORMITY, AdditionObjective
from keras_sphere.training import TrainingCheckpoint
from tests import tiny_models

EPOCHS, STEPS_PER_EPOCH, EVERY_STEPS = 4, 5, 4


class LossLog(keras.callbacks.Callback):
    """Writes each loss down at once; kills its process after a step, if told."""

    def __init__(self, path, start, kill_after):
        super().__init__()
        self.path = path
        self.steps = STEPS_PER_EPOCH * start.epoch + start.step
        self.kill_after = kill_after

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        with open(self.path, "a") as file:
            file.write(f"{self.steps} {float(logs['loss']).hex()}\n")
        if self.steps == self.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)


def compiled_model(seed, **arguments):
    """A tiny model, with a learning rate that depends on the step.

    Args:
        seed: Integer.
        **arguments: Arguments of `SphereAdamW`.
    """
    random.seed(seed)  # Keras' default seeds come from there
    model = tiny_models.new_model(seed=seed)
    rate = keras_sphere.WarmupCosine(1e-2, 1e-4, warmup_steps=5, decay_steps=20)
    optimizer = keras_sphere.SphereAdamW(rate, ema_momentum=0.9, **arguments)
    weights = {**AdditionObjective.weights, UNIFORMITY: 0.3}
    model.compile(optimizer, loss_weights=weights, jit_compile=False)
    if keras.backend.backend() == "jax":
        model.jit_compile = True
    return model


def batches():
    count = 4 * STEPS_PER_EPOCH
    images, labels = tiny_models.new_images(count), tiny_models.new_labels(count)
    return ShuffledBatches(images, labels, batch_size=4, seed=7)


def train(directory, result, kill_after=0):
    # A run that resumes starts from other weights and seeds: they must not matter.
    model, data = compiled_model(seed=int(os.path.exists(directory))), batches()
    checkpoint = TrainingCheckpoint(directory, every_steps=EVERY_STEPS)
    start = checkpoint.resume(model)
    history = model.fit(
        data.starting_at(*start),
        steps_per_epoch=len(data),
        initial_epoch=start.epoch,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[checkpoint, LossLog(f"{result}.losses", start, kill_after)],
    ).history
    values = dict(enumerate(tiny_models.state(model)))
    np.savez(
        result,
        last_epoch_loss=history["loss"][-1],
        **{f"v{i}": value for i, value in values.items()},
    )


if __name__ == "__main__":
    train(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
