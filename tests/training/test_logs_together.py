"""All callbacks of a training at once: they must not change it, and go on with it."""

import csv

import keras
import numpy as np
import pytest

from keras_sphere.data import ShuffledBatches
from keras_sphere.training import (
    CSVLog,
    ImageLog,
    MemorizationAlarm,
    TensorBoardLog,
    TrainingCheckpoint,
    TrainingStatistics,
)
from tests import tiny_models
from tests.training import event_files, small_fits

IMAGES, LABELS = small_fits.IMAGES, small_fits.LABELS
BATCHES = ShuffledBatches(IMAGES, LABELS, batch_size=2, seed=5)  # 4 steps an epoch


def all_logs(folder):
    pictures = ImageLog(folder / "pictures", IMAGES, LABELS, 1, rows=1, columns=1)
    held_out = tiny_models.new_images(4, seed=1)
    return [
        TrainingStatistics(),
        MemorizationAlarm(IMAGES, held_out, every_epochs=1, num_samples=4),
        pictures,
        CSVLog(folder / "log.csv"),
        TensorBoardLog(folder / "tensorboard", every_steps=2, image_log=pictures),
    ]


def fit(model, callbacks, start=(0, 0), epochs=3):
    return model.fit(
        BATCHES.starting_at(*start),
        steps_per_epoch=4,
        initial_epoch=start[0],
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
        validation_data=(IMAGES, LABELS),
    ).history


@pytest.fixture(scope="module")
def bare():
    """Losses and all that is left of a training without any callback."""
    model = small_fits.new_model()
    return fit(model, []), tiny_models.state(model)


def assert_same_training(history, state, bare):
    for name, values in bare[0].items():
        assert history[name] == values[-len(history[name]) :]
    for present, expected in zip(state, bare[1], strict=True):
        np.testing.assert_array_equal(present, expected)


def test_training_goes_on_as_without_them(tmp_path, bare):
    model = small_fits.new_model()
    history = fit(model, all_logs(tmp_path))
    assert_same_training(history, tiny_models.state(model), bare)
    assert {
        "learning_rate",
        "images_per_second",
        "nearest_train_distance_ratio",
    } <= set(history)


class Kill(keras.callbacks.Callback):
    """Ends the training in the middle of an epoch, or at its end, at once."""

    def __init__(self, epoch, step=None):
        super().__init__()
        self.at, self.epoch = (epoch, step), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        if (epoch, None) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kill", [(1, 2), (1, None)], ids=["step", "epoch end"])
def test_a_resumed_training_has_the_logs_of_an_unbroken_one(tmp_path, bare, kill):
    # Killed in the middle of epoch 2, or when its row is written but it is not saved.
    checkpoint = TrainingCheckpoint(tmp_path / "checkpoints", every_steps=6)
    with pytest.raises(KeyboardInterrupt):
        fit(
            small_fits.new_model(),
            [*all_logs(tmp_path), Kill(*kill), checkpoint],
        )
    model = small_fits.new_model()
    checkpoint = TrainingCheckpoint(tmp_path / "checkpoints", every_steps=6)
    start = checkpoint.resume(model)
    assert start == (1, 2)
    history = fit(model, [*all_logs(tmp_path), checkpoint], start)
    assert_same_training(history, tiny_models.state(model), bare)
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for name, values in bare[0].items():
        assert [float(row[name]) for row in rows] == values
    curves = event_files.shown(tmp_path / "tensorboard")
    assert [step for step, _ in curves["epoch/loss"]] == [4, 8, 12]
    assert [value for _, value in curves["epoch/number"]] == [1.0, 2.0, 3.0]
    assert [step for step, _ in curves["pictures/samples"]] == [4, 8, 12]
