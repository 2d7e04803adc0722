"""The training entry: what a run leaves, and that it goes on where it was ended."""

import json
import os
import shutil
import signal
import types

import keras
import numpy as np
import pytest

import keras_sphere
from keras_sphere.data import UnreadableImageError
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.training import (
    PlanChangedError,
    StopOnSignal,
    graceful_stop,
    train,
)
from keras_sphere.training.checkpoint_store import CheckpointStore
from tests import tiny_models
from tests.training import event_files, processes
from tests.training.signaller import Signaller
from tests.training.small_runs import EPOCHS, STEPS_PER_EPOCH, batches, rows

STOP_AT = 6


@pytest.fixture(scope="module")
def unbroken(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    return folder, run(folder, save_ema=True)


def test_a_run_leaves_plan_log_checkpoints_and_presets(unbroken):
    folder, result = unbroken
    assert {path.name for path in folder.iterdir()} == {
        "plan.json",
        "checkpoints",
        "log.csv",
        "preset",
        "preset_ema",
    }
    assert result.is_complete
    assert len(result.history["loss"]) == EPOCHS
    plan = json.loads((folder / "plan.json").read_text())
    assert plan["plan"]["steps_per_epoch"] == STEPS_PER_EPOCH
    assert plan["environment"]["backend"] == keras.backend.backend()
    assert [row["epoch"] for row in rows(folder)] == ["1", "2", "3"]
    assert float(rows(folder)[-1]["learning_rate"]) == pytest.approx(1e-5)


def test_the_presets_are_the_raw_and_the_averaged_weights(unbroken):
    folder, result = unbroken
    raw = keras_sphere.presets.load(folder / "preset")
    for a, b in zip(
        raw.backbone.get_weights(), result.model.backbone.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    ema = keras_sphere.presets.load(folder / "preset_ema")
    changed = [
        not np.array_equal(a, b)
        for a, b in zip(
            ema.backbone.get_weights(), raw.backbone.get_weights(), strict=True
        )
    ]
    assert any(changed)
    assert keras_sphere.presets.describe(folder / "preset_ema")["weights"]["kind"] == (
        "ema"
    )


def test_a_signal_saves_within_the_step_and_the_next_run_goes_on(
    run, unbroken, tmp_path
):
    before = signal.getsignal(signal.SIGTERM)
    stopped = run(tmp_path, callbacks=[Signaller(signal.SIGTERM, STOP_AT)])
    assert not stopped.is_complete
    assert signal.getsignal(signal.SIGTERM) is before
    assert not (tmp_path / "preset").exists()
    store = CheckpointStore(tmp_path / "checkpoints")
    state = json.loads((store.open(store.entries()[-1]) / "state.json").read_text())
    assert state["steps_done"] == STOP_AT
    assert state["position"] == [1, STOP_AT - STEPS_PER_EPOCH]
    resumed = run(tmp_path, keep=1, max_steps=100)
    assert resumed.is_complete
    folder, expected = unbroken
    for a, b in zip(
        tiny_models.state(resumed.model),
        tiny_models.state(expected.model),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    assert [row["loss"] for row in rows(tmp_path)] == [
        row["loss"] for row in rows(folder)
    ]


def test_another_plan_is_refused_and_the_difference_named(run, unbroken):
    folder, _ = unbroken
    with pytest.raises(PlanChangedError, match=r"learning_rate: [^ ]+ -> 0.0003"):
        run(folder, learning_rate=3e-4)
    with pytest.raises(PlanChangedError, match="epochs: 3 -> 5"):
        run(folder, epochs=5)
    with pytest.raises(ValueError, match="Received: resume=False"):
        run(folder, resume=False)


def test_a_complete_run_is_left_as_it_is(run, unbroken):
    folder, expected = unbroken
    again = run(folder)
    assert again.is_complete
    assert again.history == {}
    for a, b in zip(
        again.model.backbone.get_weights(),
        expected.model.backbone.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_checkpoint_is_passed_over_on_demand(run, unbroken, tmp_path):
    shutil.copytree(unbroken[0], tmp_path, dirs_exist_ok=True)
    store = CheckpointStore(tmp_path / "checkpoints")
    os.truncate(store.open(store.entries()[-1]) / "model.keras", 1000)
    with pytest.raises(CorruptFileError, match=r"model\.keras is damaged"):
        run(tmp_path)
    resumed = run(tmp_path, on_corrupt="previous")
    assert resumed.history["loss"]  # the steps since the one before
    for a, b in zip(
        tiny_models.state(resumed.model),
        tiny_models.state(unbroken[1].model),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_an_unreadable_image_ends_a_strict_training(run, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"no image")
    with pytest.raises(UnreadableImageError, match=r"a\.png"):
        run(tmp_path / "run", dataset=tmp_path / "images", batch_size=1, strict=True)
    assert not (tmp_path / "run").exists()


def test_plan_that_was_lost(run, unbroken, tmp_path):
    (unbroken[0] / "plan.json").rename(tmp_path / "plan.json")
    try:
        with pytest.raises(ValueError, match="must hold the plan of the training"):
            run(unbroken[0])
    finally:
        (tmp_path / "plan.json").rename(unbroken[0] / "plan.json")


def test_divergence_ends_the_run_and_leaves_the_earlier_checkpoints(run, tmp_path):
    """The eighth batch weighs infinitely much; handlers of signals are put back."""
    ones = np.ones(4, "float32")

    def weighted():
        for step, batch in enumerate(batches().starting_at()):
            yield (*batch, ones if step != 7 else np.inf * ones)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(keras_sphere.NonFiniteLossError, match="step 4 of epoch 2"):
        run(tmp_path, dataset=weighted(), steps_per_epoch=4, batch_size=4)
    assert signal.getsignal(signal.SIGINT) is before
    store = CheckpointStore(tmp_path / "checkpoints")
    assert len(store.entries()) == 2  # the first epoch, and five steps
    for entry in store.entries():
        store.open(entry)
    assert not (tmp_path / "preset").exists()


def test_weights_that_are_not_there_are_named_before_anything_is_written(
    run, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_SPHERE_PERCEPTUAL_DIR", str(tmp_path))
    few = {"size": "small", "max_steps": 1}
    with pytest.raises(FileNotFoundError, match="--perceptual=gradient"):
        run(tmp_path / "run", perceptual="lpips_convnext")
    # Before data that is not there either, and would be downloaded, is asked for.
    with pytest.raises(FileNotFoundError, match="'lpips_convnext' needs"):
        train("animal_faces256", data_dir=tmp_path, output_dir=tmp_path / "run", **few)
    # But a mistyped path before either.
    with pytest.raises(ValueError, match=r"a path that exists.*nowhere"):
        train("cifar10", tmp_path / "nowhere", output_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert run(tmp_path, perceptual="lpips", dry_run=True).model is None


def test_a_dry_run_needs_no_data_that_is_well_known(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    train("cifar10", dry_run=True, dry_run_steps=0)
    output = capsys.readouterr().out
    assert "planned by what is known" in output
    assert "50,000 images of 32x32x3" in output
    assert "Not measured" in output
    train("cifar10", dry_run=True, dry_run_steps=0, split="train[:10%]")
    assert "train[:10%]: 5,000 images" in capsys.readouterr().out
    elsewhere = {"data_dir": tmp_path, "output_dir": tmp_path / "run"}
    with pytest.raises(FileNotFoundError):  # the numbers of this are not known
        train("oxford_flowers256", split="train+validation", dry_run=True, **elsewhere)
    with pytest.raises(FileNotFoundError):
        train(
            "animal_faces256", perceptual="none", size="small", max_steps=1, **elsewhere
        )


def test_a_stream_that_cannot_start_anywhere(run, tmp_path):
    """It ends and starts anew; a generator that ends is an error."""
    images = tiny_models.new_images(8)
    stream = [images[:4], images[4:]]
    result = run(tmp_path / "a", dataset=stream, batch_size=4)
    assert result.plan.steps_per_epoch == 2
    assert len(result.history["loss"]) == EPOCHS
    # A `ValueError`, which TensorFlow wraps in an error of its own.
    with pytest.raises(Exception, match="must not end"):
        run(tmp_path / "b", dataset=iter(stream), batch_size=4, steps_per_epoch=2)
    with pytest.raises(ValueError, match="Received: steps_per_epoch=None"):
        run(tmp_path / "c", dataset=iter(stream), batch_size=4)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="it is there")
def test_tensorflow_is_not_imported(tmp_path, monkeypatch):
    """By logs, seeds, checkpoints or presets; it costs seconds."""
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    status, output, errors = processes.run(
        "tests.training.run_without_tensorflow", tmp_path
    )
    assert status == 0, errors
    assert output.splitlines()[-1] == "TensorFlow: False"
    assert event_files.shown(tmp_path / "run" / "tensorboard")["epoch/loss"]


@pytest.mark.slow
def test_a_dry_run_measures_and_writes_nothing(run, tmp_path, capsys):
    result = run(tmp_path / "none", dry_run=True)
    assert result.model is None
    assert not (tmp_path / "none").exists()
    output = capsys.readouterr().out
    for part in ("encoder", "moving average", "Measured over 3 steps", "in all"):
        assert part in output


def test_the_second_signal_acts_as_before():
    received = []
    before = signal.signal(signal.SIGTERM, lambda *_: received.append("second"))
    try:
        stop = StopOnSignal()
        stop.install()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.received is signal.SIGTERM
        assert received == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert received == ["second"]
        stop.restore()
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("own", "last"), [(True, 10), (False, 20)])
def test_processes_end_at_an_agreed_step(monkeypatch, own, last):
    """Of two: this one gets a signal in step 3, or the other one after step 10."""
    asked = []

    def largest(value):
        asked.append(value)
        return value if own or len(asked) < 2 else int(signal.SIGTERM)

    monkeypatch.setattr(graceful_stop, "processes", lambda: (0, 2))
    monkeypatch.setattr(graceful_stop, "largest_of_processes", largest)
    stop, model = StopOnSignal(), types.SimpleNamespace(stop_training=False)
    stop.set_model(model)
    stop.on_train_begin()
    step = 0
    while not model.stop_training:
        step += 1
        if own and step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        stop.on_train_batch_end(step)
    stop.on_train_end()
    assert (step, stop.received) == (last, signal.SIGTERM)
