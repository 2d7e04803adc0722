"""A training that is killed again and again learns what an unbroken one does."""

import os

import keras
import pytest

from tests.training import processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the trainings are forked"),
]

# Compilation makes each life on JAX and TensorFlow long; more by hand.
KILLS = os.environ.get(
    "KERAS_SPHERE_KILLS", {"torch": "50"}.get(keras.backend.backend(), "5")
)


def test_the_weights_are_those_of_an_unbroken_run(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    status, output, errors = processes.run(
        "tests.training.killed_trainings", tmp_path, KILLS, seconds=3600
    )
    assert status == 0, f"{output[-3000:]} {errors[-3000:]}"
    assert f"{KILLS} kills" in output
    assert "equal: " in output
