"""A run that is killed in the middle of saving has a preset to use, and goes on."""

import json
import signal

import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.presets.sources import find
from tests.testing import to_numpy
from tests.training import processes
from tests.training.small_runs import EPOCHS, STEPS_PER_EPOCH

pytestmark = pytest.mark.slow

RUN = "tests.training.dying_run"


def die(preset, folder, name, count):
    status, output, errors = processes.run(RUN, preset, folder, name, count)
    assert status == -signal.SIGKILL, f"{status} {output} {errors[-3000:]}"


def steps(folder):
    return presets.describe(folder)["recipe"]["training"]["steps"]


def test_in_the_first_save_there_is_none_yet(preset, tmp_path):
    die(preset, tmp_path / "photos", "config.json", 1)
    with pytest.raises(FileNotFoundError, match="no checkpoint yet"):
        presets.load(tmp_path / "photos")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.weights.h5", 5),  # of the preset in the second checkpoint
        ("checkpoint-00000002", 5),
        ("checkpoints.json", 10),  # complete, but not named in the list yet
    ],
)
def test_there_is_the_newest_that_is_complete(preset, run, tmp_path, name, expected):
    folder = tmp_path / "photos"
    die(preset, folder, name, 1 if name == "checkpoint-00000002" else 2)
    assert steps(folder) == expected
    source = find(folder)
    loaded = presets.load(folder)
    assert loaded.generate(num_images=1).shape == (1, 16, 16, 3)
    state = json.loads((source.folder / "state.json").read_text())
    assert state["steps_done"] == expected
    picture = tmp_path / "pictures.png"
    status, output, errors = processes.run(
        "keras_sphere", "generate", f"--preset={folder}", f"--output={picture}"
    )
    assert status == 0, output + errors
    assert picture.is_file()
    result = run(folder)
    assert result.is_complete
    assert find(folder).folder == folder / "preset"
    assert steps(folder) == EPOCHS * STEPS_PER_EPOCH
    for a, b in zip(
        presets.load(folder).backbone.trainable_variables,
        result.model.backbone.trainable_variables,
        strict=True,
    ):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
