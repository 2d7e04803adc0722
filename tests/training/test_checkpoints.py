"""Checkpoints of a training: when they are saved, and that it goes on exactly."""

import functools
import itertools
import json
import os
import shutil
import types

import keras
import numpy as np
import pytest

from keras_sphere import NonFiniteLossError, SphereAdamW
from keras_sphere.data import ShuffledBatches
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.training import Position, TrainingCheckpoint, restore
from tests import tiny_models
from tests.training import small_fits

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
BATCHES = ShuffledBatches(IMAGES, LABELS, batch_size=2, seed=5)  # 4 steps per epoch
GENERATION = {"labels": LABELS[:2], "steps": 1, "seed": 0, "use_ema": True}


def compiled_model(optimizer):
    model = tiny_models.new_model()
    model.compile(optimizer, jit_compile=small_fits.JIT_COMPILE)
    model.build_training()
    return model


@functools.cache
def sgd_model():
    """A model that takes steps which `SphereAdamW` refuses, and its first state."""
    model = compiled_model(keras.optimizers.SGD(0.01))
    return model, tiny_models.state(model)


def new_sgd_model():
    model, values = sgd_model()
    tiny_models.restore(model, values)
    return model


def new_model(seed=0):
    """The shared model as a new one: by another seed, nothing in it is the same."""
    model = small_fits.new_model()
    for metric in model.metrics:
        metric.reset_state()
    values = tiny_models.state(model)
    tiny_models.restore(
        model, [value + np.array(seed, value.dtype) for value in values]
    )
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
    return [tuple(json.loads(text)["position"]) for text in texts]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Three epochs without an interruption."""
    model = new_model()
    checkpoint = TrainingCheckpoint(tmp_path_factory.mktemp("run") / "a", keep=9)
    run = fit(model, checkpoint)
    return types.SimpleNamespace(
        images=model.generate(**GENERATION),
        checkpoint=checkpoint,
        losses=run.losses,
        history=run.history,
        state=tiny_models.state(model),
    )


def assert_equal_state(model, expected, but=None):
    """All that training changes is as expected, `but` for one variable."""
    variables = [*model.variables, *model.optimizer.variables]
    present = tiny_models.state(model)
    for variable, value, other in zip(variables, present, expected, strict=True):
        if variable is not but:
            np.testing.assert_array_equal(value, other, err_msg=variable.path)


def test_each_epoch_and_nothing_else_is_saved(straight):
    assert saved_positions(straight.checkpoint) == [(1, 0), (2, 0), (3, 0)]


def test_goes_on_in_the_middle_of_an_epoch(straight, tmp_path):
    """Steps, logged means and all that training changes are those of one run."""
    checkpoint = TrainingCheckpoint(tmp_path / "run", every_steps=3)
    fit(new_model(), checkpoint, after=7)
    assert saved_positions(checkpoint) == [(0, 3), (1, 2)]
    resumed = TrainingCheckpoint(tmp_path / "run", every_steps=3)
    model = new_model(seed=1)
    start = resumed.resume(model)
    assert start == (1, 2)
    run = fit(model, resumed, start)
    assert run.losses == straight.losses[6:]
    assert run.history["loss"] == straight.history["loss"][1:]
    assert_equal_state(model, straight.state)
    assert saved_positions(resumed) == [(1, 2), (2, 1), (3, 0)]


def test_goes_on_between_epochs_and_twice(straight, tmp_path):
    losses = []
    for seed, after in enumerate((5, 5, None)):
        checkpoint = TrainingCheckpoint(tmp_path / "run")
        model = new_model(seed=seed)
        start = checkpoint.resume(model)
        losses.append(fit(model, checkpoint, start, after).losses)
    assert losses[1] == straight.losses[4:9]
    assert losses[2] == straight.losses[8:]
    assert_equal_state(model, straight.state)


def test_a_finished_training_stays_as_it_is(straight):
    checkpoint = TrainingCheckpoint(straight.checkpoint.store.directory)
    model = new_model(seed=1)
    start = checkpoint.resume(model)
    assert start == (3, 0)
    assert fit(model, checkpoint, start).losses == []
    assert_equal_state(model, straight.state, but=model.batch_range)


def test_a_checkpoint_is_a_file_of_a_model(straight):
    folder = straight.checkpoint.store.open(straight.checkpoint.store.entries()[-1])
    loaded = keras.saving.load_model(folder / "model.keras")
    np.testing.assert_array_equal(loaded.generate(**GENERATION), straight.images)


def test_the_best_and_the_newest_are_kept(tmp_path):
    checkpoint = TrainingCheckpoint(tmp_path, keep=1, monitor="val_loss", mode="max")
    validation = ShuffledBatches(IMAGES[:4], LABELS[:4], 4)
    model = new_model()
    values = fit(
        model,
        checkpoint,
        validation_data=validation.starting_at(),
        validation_steps=1,
        epochs=4,
    ).history["val_loss"]
    best = int(np.argmax(values)) + 1
    assert best < 4, "the newest must not be the best one"
    assert saved_positions(checkpoint) == [(n, 0) for n in sorted({best, 4})]
    model = new_model()
    assert restore(model, tmp_path, "best") == (best, 0)
    assert restore(model, tmp_path) == (4, 0)


def test_a_monitor_that_is_not_logged_is_told(tmp_path):
    checkpoint = TrainingCheckpoint(tmp_path, monitor="val_loss")
    with pytest.warns(UserWarning, match=r"monitor='val_loss', logged: \[.*'loss'"):
        fit(new_model(), checkpoint, epochs=2)
    with pytest.raises(FileNotFoundError, match="which='best'"):
        restore(new_model(), tmp_path, "best")


@pytest.fixture
def damaged(straight, tmp_path):
    """A copy of the run, whose newest checkpoint was cut short."""
    directory = shutil.copytree(straight.checkpoint.store.directory, tmp_path / "run")
    path = directory / "checkpoint-00000003" / "model.keras"
    os.truncate(path, path.stat().st_size - 100)
    return directory


def test_a_damaged_checkpoint_is_an_error_and_the_previous_one_a_choice(damaged):
    model, checkpoint = new_model(), TrainingCheckpoint(damaged)
    model.optimizer.build(model.trainable_variables)
    before = tiny_models.state(model)
    with pytest.raises(CorruptFileError, match=r"00000003.model\.keras is damaged"):
        checkpoint.resume(model)
    assert_equal_state(model, before)
    assert checkpoint.resume(model, on_corrupt="previous") == (2, 0)
    assert fit(model, checkpoint, Position(2, 0)).losses
    assert restore(new_model(), damaged) == (3, 0)


def test_a_damaged_list_has_a_copy(damaged):
    os.truncate(damaged / "checkpoints.json", 50)
    with pytest.raises(CorruptFileError, match=r"checkpoints\.json is damaged"):
        restore(new_model(), damaged)
    assert restore(new_model(), damaged, on_corrupt="previous") == (2, 0)
    (damaged / "checkpoints-copy.json").unlink()
    with pytest.raises(CorruptFileError, match=r"checkpoints"):
        restore(new_model(), damaged, on_corrupt="previous")


def test_all_damaged_is_an_error_that_names_the_newest(damaged):
    for number in (1, 2):
        (damaged / f"checkpoint-0000000{number}" / "state.json").unlink()
    with pytest.raises(CorruptFileError, match="00000003"):
        restore(new_model(), damaged, on_corrupt="previous")


def test_another_model_or_optimizer_is_refused(straight):
    directory = straight.checkpoint.store.directory
    with pytest.raises(ValueError, match=r"optimizer of the model is not.*Received: "):
        restore(compiled_model(SphereAdamW(use_ema=False)), directory)
    with pytest.raises(ValueError, match=r"optimizer of the model.*Received: \['Adam'"):
        restore(compiled_model(keras.optimizers.Adam()), directory)
    with pytest.raises(ValueError, match="not compiled"):
        restore(tiny_models.new_model(), directory)


def test_an_old_directory_is_not_overwritten_by_accident(straight):
    checkpoint = TrainingCheckpoint(straight.checkpoint.store.directory)
    with pytest.raises(ValueError, match=r"another training.*Received: directory="):
        fit(new_model(), checkpoint)


def test_a_wrong_position_is_refused(tmp_path):
    checkpoint = TrainingCheckpoint(tmp_path, every_steps=3)
    fit(new_model(), checkpoint, after=7)
    model = new_model()
    assert checkpoint.resume(model) == (1, 2)
    with pytest.raises(ValueError, match=r"`initial_epoch=start.epoch`.*Received"):
        fit(model, checkpoint)
    with pytest.raises(ValueError, match=r"as before, 4\. Received: 3 steps"):
        fit(model, checkpoint, Position(1, 2), steps_per_epoch=3)


def spoiled_batches():
    """Three good batches, then one with a pixel that is not a number."""
    yield from itertools.islice(BATCHES.starting_at(), 3)
    images = IMAGES[:2].copy()
    images[0, 0, 0, 0] = np.nan
    while True:
        yield images, LABELS[:2]


def test_a_loss_that_is_not_finite_is_never_saved(tmp_path):
    """SGD takes the spoiled step: the weights are lost."""
    checkpoint = TrainingCheckpoint(tmp_path, every_steps=1)
    model = new_sgd_model()
    with pytest.raises(ValueError, match=r"must be finite.*step 4 of epoch 1"):
        fit(model, checkpoint, x=spoiled_batches(), steps_per_epoch=8)
    assert any(not np.all(np.isfinite(w)) for w in model.backbone.get_weights())
    assert saved_positions(checkpoint) == [(0, 1), (0, 2), (0, 3)]
    assert checkpoint.resume(model) == (0, 3)
    assert all(np.all(np.isfinite(w)) for w in model.backbone.get_weights())


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    """The loss of the step that destroys them is still finite."""
    checkpoint = TrainingCheckpoint(tmp_path, every_steps=1)
    model = new_sgd_model()
    model.optimizer.learning_rate = np.inf
    with pytest.raises(NonFiniteLossError, match=r"variable .* is not finite"):
        fit(model, checkpoint)
    assert checkpoint.store.entries() == []


def test_a_model_without_the_guard_is_checked_too(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.array([[np.nan, 1.0]], "float32")
    with pytest.raises(NonFiniteLossError, match="The loss is nan"):
        model.fit(x, x[:, :1], verbose=0, callbacks=[TrainingCheckpoint(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_stopping_early_ends_the_training(tmp_path):
    """The end of a shortened epoch is not the end of the training, and this is."""
    checkpoint = TrainingCheckpoint(tmp_path, every_steps=3)
    fit(new_model(), checkpoint, after=4)
    model = new_model()
    start = checkpoint.resume(model)

    def stop_training(epoch, logs):
        model.stop_training = True

    stop = keras.callbacks.LambdaCallback(on_epoch_end=stop_training)
    run = fit(model, checkpoint, start, callbacks=[checkpoint, stop])
    assert len(run.history["loss"]) == 1
    assert len(saved_positions(checkpoint)) == 1


@pytest.mark.parametrize("name", ["every_steps", "every_epochs", "keep"])
def test_bad_arguments(tmp_path, name):
    with pytest.raises(ValueError, match=f"Received: {name}=0"):
        TrainingCheckpoint(tmp_path, **{name: 0})


def test_bad_choices(tmp_path):
    with pytest.raises(ValueError, match="Received: on_corrupt='ignore'"):
        TrainingCheckpoint(tmp_path).resume(new_model(), on_corrupt="ignore")
    with pytest.raises(ValueError, match="Received: which='first'"):
        restore(new_model(), tmp_path, "first")
    with pytest.raises(FileNotFoundError, match="which='newest'"):
        restore(new_model(), tmp_path)
