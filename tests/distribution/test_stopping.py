"""A signal that one of several processes gets ends them all, after one step."""

import json

import keras
import numpy as np
import pytest

from keras_sphere.presets.sources import find
from keras_sphere.training.checkpoint_store import CheckpointStore
from tests import tiny_models
from tests.distribution import stopped_run
from tests.distribution.launch import results

BACKEND = keras.backend.backend()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BACKEND == "tensorflow",
        reason="TensorFlow trains in one process",
    ),
]


def run(folder, task):
    """Two processes, one device each, that must all end with status 0."""
    processes = 2 if BACKEND == "jax" else 1
    arguments = (task, "data_parallel", 2, processes, folder / "run")
    result = folder / task.replace(":", "-")
    values = results(result, *arguments, module=stopped_run.__name__)
    assert len(values) == 2
    return values


@pytest.fixture
def folder(tmp_path):
    """A folder with a preset of two epochs."""
    model = tiny_models.new_model()
    model.compile()
    model.save_to_preset(tmp_path / "tiny", training={"min_learning_rate": 1e-5})
    return tmp_path


def steps_of_newest(folder):
    store = CheckpointStore(folder / "run" / "checkpoints")
    text = (store.open(store.entries()[-1]) / "state.json").read_text()
    return json.loads(text)["steps_done"]


def test_all_stop_together_and_go_on(folder):
    """At the next agreement; the run that goes on trains what an unbroken one does."""
    for process in run(folder, "SIGTERM:3"):
        assert process["steps"] == 10
        assert not process["is_complete"]
    assert steps_of_newest(folder) == 10
    assert find(folder / "run").config["recipe"]["training"]["steps"] == 10
    assert find(folder / "run").weights().is_file()
    resumed = run(folder, "whole")
    (folder / "run").rename(folder / "resumed")
    whole = run(folder, "whole")
    for one, other in zip(resumed, whole, strict=True):
        assert one["is_complete"]
        assert one["steps"] == stopped_run.EPOCHS * stopped_run.STEPS_PER_EPOCH
        for name, value in other.items():
            np.testing.assert_array_equal(one[name], value, err_msg=name)


def test_a_signal_after_the_last_agreement(folder):
    """No process goes on to write presets, which would wait for the others."""
    for process in run(folder, "SIGINT:12"):
        assert process["steps"] == 14
        assert not process["is_complete"]
    assert not (folder / "run" / "preset").exists()
