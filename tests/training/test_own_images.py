"""Images of one's own: a folder in, a trained model out, with nothing else said."""

import json
import signal

import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.training import train
from tests.training.drawn_photos import write_photos
from tests.training.signaller import Signaller

TINY = {
    "image_size": 16,
    "hidden_dim": 16,
    "num_layers": 1,
    "num_heads": 2,
    "perceptual": "gradient",
    "hours": 1e-5,
    "verbose": "0",
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


def test_a_folder_is_enough(photos, tmp_path, capsys):
    run = train(dataset=photos, output_dir=tmp_path, **TINY)
    output = capsys.readouterr().out
    assert run.is_complete
    assert "2 classes, by the names of the folders" in output
    assert "--held_out_split=train[30:]" in output
    assert "measured: " in output
    plan = json.loads((tmp_path / "plan.json").read_text())
    steps = plan["plan"]["epochs"] * plan["plan"]["steps_per_epoch"]
    assert f"{steps * 30:,} images seen" in output
    assert len(run.history["loss"]) == plan["plan"]["epochs"]
    warmup = plan["plan"]["objective"]["angle_warmup"]["steps"]
    assert warmup == int(run.model.growing_noise.steps) <= steps
    assert int(run.model.growing_noise.steps_done) == steps
    description = presets.describe(tmp_path / "preset")
    recipe = description["recipe"]["training"]
    assert recipe["angle_warmup_epochs"] == warmup / plan["plan"]["steps_per_epoch"]
    assert description["architecture"]["class_names"] == ["circle", "square"]
    assert description["architecture"]["encoder_size"]["hidden_dim"] == 16
    pictures = {path.name.split("-")[0] for path in (tmp_path / "pictures").iterdir()}
    assert pictures == {"samples", "reconstructions"}
    # The same command chooses nothing anew, and finds the training done.
    again = train(dataset=photos, output_dir=tmp_path, **TINY)
    assert "measured: " not in capsys.readouterr().out
    assert again.plan == run.plan
    assert again.history == {}


def test_a_finished_run_goes_on(photos, tmp_path, capsys):
    train(dataset=photos, output_dir=tmp_path, max_steps=3, **TINY)
    rest = {name: TINY[name] for name in ("perceptual", "verbose")}
    command = {"dataset": photos, "output_dir": tmp_path, "continue_for": "0.01s"}
    kept = sorted(path.name for path in tmp_path.iterdir())
    train(**command, **rest, dry_run=True, dry_run_steps=0)
    assert "images seen" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
    stop = Signaller(signal.SIGTERM, 2)
    run = train(**command, **rest, callbacks=[stop])
    assert not run.is_complete
    output = capsys.readouterr().out
    assert "100.0% of the weights begin with those of" in output
    assert f"generate --preset={tmp_path} --classes=all" in output
    assert run.plan.architecture["encoder_size"]["hidden_dim"] == 16
    assert run.model.growing_noise is None
    assert presets.describe(tmp_path)["recipe"]["training"]["steps"] == 5
    moved = {path.name for path in (tmp_path / "before-1").iterdir()}
    assert moved == {"checkpoints", "pictures", "log.csv", "plan.json"}
    # Stopped, it first comes to its end.
    assert train(**command, **rest).is_complete
    assert "goes on to its end" in capsys.readouterr().out
    steps = 3 + run.plan.total_steps
    assert presets.describe(tmp_path)["recipe"]["training"]["steps"] == steps
    assert not (tmp_path / "before-2").exists()


@pytest.mark.any_backend
def test_going_on_needs_a_run(photos, tmp_path):
    for duration in ("30", "half an hour", "0m", "-3m"):
        with pytest.raises(ValueError, match=r"must be a duration"):
            train(dataset=photos, output_dir=tmp_path, continue_for=duration)
    with pytest.raises(ValueError, match=r"no run to go on with"):
        train(dataset=photos, output_dir=tmp_path, continue_for="30m")
    with pytest.raises(ValueError, match=r"leave `preset`"):
        train("digits16", photos, output_dir=tmp_path, continue_for="30m")


@pytest.mark.any_backend
def test_what_nothing_can_be_chosen_from(tmp_path):
    with pytest.raises(ValueError, match=r"choose `dataset`.*preset=None"):
        train(output_dir=tmp_path)
    stream = [(np.zeros((2, 8, 8, 3), "uint8"),)]
    with pytest.raises(ValueError, match=r"choose `preset`.*preset=None"):
        train(dataset=stream, output_dir=tmp_path)
    with pytest.raises(ValueError, match=r"choose `preset`.*preset=None"):
        train(dataset="tfds:unheard_of", output_dir=tmp_path)
