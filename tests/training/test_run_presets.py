"""What a run leaves to use at every moment, and what its card says."""

import signal

import keras
import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.backend.operations import sync_variables
from keras_sphere.presets.sources import find
from keras_sphere.training import TrainingCheckpoint
from keras_sphere.training.checkpoint_store import CheckpointStore
from keras_sphere.training.training_state import Position, save_state
from tests.testing import to_numpy
from tests.training import small_fits
from tests.training.signaller import Signaller
from tests.training.small_runs import EPOCHS, STEPS_PER_EPOCH, batches

STOP_AT = 6


class Weights(keras.callbacks.Callback):
    """Copies of the weights after each step."""

    def on_train_begin(self, logs=None):
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        sync_variables(self.model)
        variables = self.model.backbone.trainable_variables
        self.values.append([to_numpy(variable) for variable in variables])


@pytest.fixture(scope="module")
def stopped(run, tmp_path_factory):
    """A run that a signal ended: its folder, result, and weights of each step."""
    folder, weights = tmp_path_factory.mktemp("runs") / "photos", Weights()
    data = batches()
    data.class_names = ["ant", "bee", "cow"]
    result = run(
        folder,
        dataset=data,
        data_license="CC BY 4.0, (c) me",
        callbacks=[weights, Signaller(signal.SIGTERM, STOP_AT)],
    )
    assert not result.is_complete
    return folder, result, weights.values


def assert_weights(folder, values):
    loaded = presets.load(folder).backbone.trainable_variables
    for variable, value in zip(loaded, values, strict=True):
        np.testing.assert_array_equal(to_numpy(variable), value, err_msg=variable.path)


def test_each_checkpoint_is_a_preset(stopped):
    folder, _, values = stopped
    store = CheckpointStore(folder / "checkpoints")
    for entry, steps in zip(store.entries(), (5, STOP_AT), strict=True):
        assert set(entry["files"]) == {
            *("model.keras", "state.json"),
            *("config.json", "model.weights.h5", "README.md"),
        }
        assert_weights(store.open(entry), values[steps - 1])
    assert_weights(folder, values[-1])
    assert not (folder / "preset").exists()


def test_the_card_says_how_it_was_trained(stopped):
    folder, _, _ = stopped
    card = presets.describe(folder)["card"]
    notes = presets.describe(folder)["recipe"]["training"]
    assert notes["steps"] == STOP_AT
    for part in (
        "# photos\n",
        "3 classes (ant, bee, cow)",
        "16 images of a stream of your own",
        "license of the images: CC BY 4.0, (c) me.",
        f"{STOP_AT:,} steps of 4 images, on {notes['machine']} with "
        f"{keras.backend.backend()}, until {notes['date']}.",
        "python -m keras_sphere generate --preset=path/of/this/folder --classes=all",
    ):
        assert part in card
    assert "begun from" not in card


def test_it_goes_on_and_ends_with_a_preset(stopped, run):
    folder, _, _ = stopped
    data = batches()
    data.class_names = ["ant", "bee", "cow"]
    before = presets.describe(folder)["recipe"]["training"]["seconds_trained"]
    result = run(folder, dataset=data, save_ema=True)  # without the license: harmless
    assert find(folder).folder == folder / "preset"
    described = presets.describe(folder)
    assert described["name"] == "photos"
    assert "license of the images: not stated." in described["card"]
    assert described["recipe"]["training"]["steps"] == EPOCHS * STEPS_PER_EPOCH
    assert described["recipe"]["training"]["seconds_trained"] >= before
    assert_weights(folder, map(to_numpy, result.model.backbone.trainable_variables))
    assert presets.describe(folder / "preset_ema")["name"] == "photos-ema"


def test_time_is_that_of_all_lives(tmp_path):
    model, seen = small_fits.new_model(), []
    CheckpointStore(tmp_path).save(
        lambda folder: save_state(model, folder, Position(1, 0), 2, 2, 1000.0)
    )
    checkpoint = TrainingCheckpoint(
        tmp_path, write_more=lambda model, folder, progress: seen.append(progress)
    )
    start = checkpoint.resume(model)
    assert checkpoint.progress == (2, 1000.0)
    small_fits.fit(model, [checkpoint], epochs=3, initial_epoch=start.epoch)
    assert [progress.steps for progress in seen] == [4, 6]
    assert 1000.0 < seen[0].seconds < seen[1].seconds <= checkpoint.progress.seconds
    again = TrainingCheckpoint(tmp_path)
    again.resume(model)
    assert again.progress == (6, seen[1].seconds)
