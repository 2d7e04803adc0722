"""Trains by `keras_sphere.training.train`; one of the processes may get a signal.

    python -m tests.distribution.stopped_run TASK MODE DEVICES RESULT FOLDER

`TASK` is `whole`, or `SIGNAL:STEP`: the last process sends itself the signal in a step
of the job. `FOLDER` is that of the run; `tiny` beside it is the preset. Each process
writes to `RESULT-PROCESS.npz`.
"""

import os
import signal
import sys

import keras
import numpy as np

from keras_sphere.backend import replicas
from keras_sphere.data import ShuffledBatches
from keras_sphere.training import train
from tests import tiny_models
from tests.training.signaller import Signaller

BATCH_SIZE, STEPS_PER_EPOCH, EPOCHS = 4, 7, 2


def callbacks(task):
    if task == "whole":
        return []
    name, step = task.split(":")
    return [Signaller(signal.Signals[name], int(step))]


def main(task, mode, num_devices, result, folder):
    assert int(num_devices) == 0, "real processes only"
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_disable_most_optimizations", True)
    count = BATCH_SIZE * STEPS_PER_EPOCH
    images, labels = tiny_models.new_images(count), tiny_models.new_labels(count)
    run = train(
        os.path.join(os.path.dirname(folder), "tiny"),
        ShuffledBatches(images, labels, BATCH_SIZE, seed=7),
        folder,
        callbacks(task),
        distribution=mode,
        epochs=EPOCHS,
        checkpoint_every_steps=1000,
        log_images_every=0,
        verbose="0",
    )
    weights = map(keras.ops.convert_to_numpy, run.model.backbone.weights)
    np.savez(
        f"{result}-{replicas.processes()[0]}.npz",
        is_complete=run.is_complete,
        steps=keras.ops.convert_to_numpy(run.model.optimizer.iterations),
        **{f"weight/{i}": weight for i, weight in enumerate(weights)},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
