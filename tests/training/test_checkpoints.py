"""Checkpoints of a training: when they are saved, and that it goes on exactly."""

import itertools
import types

import keras
import numpy as np
import pytest

from keras_sphere import NonFiniteLossError, SphereAdamW
from keras_sphere.data import ShuffledBatches
from keras_sphere.file_integrity import CorruptFileError
from keras_sphere.training import Position, TrainingCheckpoint, restore
from tests import tiny_models

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
BATCHES = ShuffledBatches(IMAGES, LABELS, batch_size=2, seed=5)  # 4 steps per epoch


def new_model(optimizer=None):
    model = tiny_models.new_model()
    jit_compile = "auto" if keras.backend.backend() == "jax" else False
    optimizer = optimizer or SphereAdamW(0.01, ema_momentum=0.5)
    model.compile(optimizer, jit_compile=jit_compile)
    return model


class Interrupt(keras.callbacks.Callback):
    """Keeps the loss of each step; ends the process's training after one of them."""

    def __init__(self, after=None):
        super().__init__()
        self.losses = []
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])
        if len(self.losses) == self.after:
            raise KeyboardInterrupt


def fit(model, checkpoint, start=None, after=None, epochs=3, **arguments):
    start = start or Position()
    interrupt = Interrupt(after)
    arguments = {
        "x": BATCHES.starting_at(*start),
        "steps_per_epoch": len(BATCHES),
        "callbacks": [checkpoint, interrupt],
        **arguments,
    }
    try:
        interrupt.history = model.fit(
            initial_epoch=start.epoch,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            **arguments,
        ).history
    except KeyboardInterrupt:
        assert after
    return interrupt


def saved_positions(checkpoint):
    folders = [checkpoint.store.open(entry) for entry in checkpoint.store.entries()]
    texts = [(folder / "state.json").read_text() for folder in folders]
    states = [types.SimpleNamespace(**keras.src.saving.serialization_lib.json.loads(t)) for t in texts]
    return [tuple(state.position) for state in states]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Three epochs without an interruption."""
    model = new_model()
    checkpoint = TrainingCheckpoint(tmp_path_factory.mktemp("run") / "a", keep=9)
    run = fit(model, checkpoint)
    return types.SimpleNamespace(
        model=model,
        checkpoint=checkpoint,
        losses=run.losses,
        history=run.history,
        state=tiny_models.state(model),
    )
