"""Which preset the folder of a training run offers."""

import json
import os
import pathlib
import shutil

import pytest

from keras_sphere.preset_files.folder import read_config
from keras_sphere.preset_files.run_folders import is_run_folder, newest_preset
from keras_sphere.presets.sources import find
from tests.preset_files.test_folder import write


@pytest.fixture
def run(tmp_path):
    """A run that was begun, without a checkpoint."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "plan.json").write_text("{}")
    return folder


def leave(path, steps):
    """Leaves a preset that says how long it was trained."""
    write(path, 1, overwrite=True)
    config = read_config(path)
    config["recipe"]["training"]["steps"] = steps
    (path / "config.json").write_text(json.dumps(config))
    return path


def test_without_a_checkpoint_it_is_said_what_to_do(run):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint yet.*photos"):
        find(run)
    # What is being written, and a checkpoint of before there were presets in them.
    leave(run / "checkpoints" / ".1a-1-2b-checkpoint-00000001", 5)
    with pytest.raises(FileNotFoundError, match="no checkpoint yet"):
        find(run)
    (run / "checkpoints" / "checkpoint-00000001").mkdir()
    with pytest.raises(FileNotFoundError, match="of an earlier version"):
        find(run)


def test_the_one_that_was_trained_the_most(run):
    first = leave(run / "checkpoints" / "checkpoint-00000009", 90)
    assert find(run).folder == first
    second = leave(run / "checkpoints" / "checkpoint-00000010", 100)
    assert newest_preset(run) == second
    assert find(str(run)).config["recipe"]["training"]["steps"] == 100
    at_the_end = leave(run / "preset", 100)
    assert newest_preset(run) == at_the_end
    assert find(run).weights() == at_the_end / "model.weights.h5"
    went_on = leave(run / "checkpoints" / "checkpoint-00000011", 110)
    assert newest_preset(run) == went_on
    leave(run / "preset", "many")  # a note may be anything
    assert newest_preset(run) == went_on
    shutil.rmtree(run / "checkpoints")
    assert newest_preset(run) == at_the_end


def test_what_is_no_run(run, tmp_path, monkeypatch):
    assert is_run_folder(run)
    assert not is_run_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"a folder with a config\.json"):
        find(tmp_path)
    leave(run, 1)  # a preset that somebody keeps beside a plan
    assert find(run).folder == run
    monkeypatch.chdir(tmp_path)
    os.rename(run, "digits16")  # a built-in name comes first
    assert find("digits16").config["name"] == "digits16"
    assert find("digits16").folder != pathlib.Path("digits16")
