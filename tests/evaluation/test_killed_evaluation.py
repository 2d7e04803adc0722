"""An evaluation that is killed goes on."""

import signal

import pytest

from tests.evaluation.killed_evaluation import NUM_IMAGES, evaluation
from tests.training.processes import start

pytestmark = pytest.mark.slow


def test_a_killed_evaluation_goes_on(tmp_path):
    process = start("tests.evaluation.killed_evaluation", tmp_path)
    for line in process.stdout:
        name, done, _ = line.split("\t")
        if name == "images" and int(done) > NUM_IMAGES / 2:
            break
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    seen = []
    resumed = evaluation(tmp_path, lambda *state: seen.append(state))
    name, done, total = seen[0]
    assert (name, total) == ("images", NUM_IMAGES)  # the reference is there already
    assert 2_000 < done <= NUM_IMAGES / 2 + 200
    whole = evaluation(None, None)
    assert resumed.rows[0].values == pytest.approx(whole.rows[0].values, rel=1e-9)
