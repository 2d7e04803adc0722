"""Processes that are killed: what they saved is whole, and training goes on exactly."""

import os
import re
import signal

import numpy as np
import pytest

from tests.training import processes
from tests.training.resumable_run import EPOCHS, EVERY_STEPS, STEPS_PER_EPOCH

pytestmark = pytest.mark.slow

RUN = "tests.training.resumable_run"
KILL_AFTER = 10


def losses(path):
    """Pairs of step and loss, as they were written."""
    return [tuple(line.split()) for line in path.read_text().splitlines()]


def test_killed_and_resumed_is_the_uninterrupted_run_bit_for_bit(tmp_path):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    status, _, errors = processes.run(RUN, tmp_path / "a", whole)
    assert status == 0, errors[-3000:]
    status, _, _ = processes.run(RUN, tmp_path / "b", parts, KILL_AFTER)
    assert status == -signal.SIGKILL
    assert not parts.exists()
    status, _, errors = processes.run(RUN, tmp_path / "b", parts)
    assert status == 0, errors[-3000:]
    expected = losses(tmp_path / "whole.npz.losses")
    received = losses(tmp_path / "parts.npz.losses")
    assert len(expected) == EPOCHS * STEPS_PER_EPOCH
    saved = KILL_AFTER // EVERY_STEPS * EVERY_STEPS
    assert saved % STEPS_PER_EPOCH != 0
    assert received == expected[:KILL_AFTER] + expected[saved:]
    with np.load(whole) as whole_state, np.load(parts) as parts_state:
        assert whole_state.files == parts_state.files
        assert len(whole_state.files) > 150
        for name in whole_state.files:
            np.testing.assert_array_equal(parts_state[name], whole_state[name])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the savers are forked")
def test_a_kill_at_any_moment_of_saving_loses_nothing(tmp_path):
    """What was announced as saved is there, whole, and the next process goes on."""
    status, output, errors = processes.run(
        "tests.training.killed_savers", tmp_path / "run", 20
    )
    assert status == 0, errors[-3000:]
    interrupted = int(re.search(r"interrupted: (\d+)", output)[1])
    assert interrupted > 0, "no kill came in the middle of saving"


@pytest.mark.parametrize("what", ["checkpoint", "preset", "save", "save_weights"])
def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path, what):
    """The limit of a file's size stands for the disk: the same calls fail."""
    status, output, errors = processes.run(
        "tests.training.full_disk", what, tmp_path / "run"
    )
    assert status == 0, f"{status} {errors[-3000:]}"
    assert "OSError" in output
    assert "File too large" in output
    if what == "checkpoint":
        assert "could not be saved" in output
        assert "earlier checkpoints are as they were" in output
