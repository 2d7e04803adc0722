"""Checkpoints know nothing of devices; a process that is killed ends its job."""

import json
import shutil
import signal

import keras
import numpy as np
import pytest

from tests.distribution.launch import launch, results

pytestmark = pytest.mark.slow

BACKEND = keras.backend.backend()
# Devices that save, in the middle of an epoch, and devices that go on.
SAVE = {
    "jax": ("data_parallel", 8),
    "tensorflow": ("data_parallel", 2),
    "torch": ("data_parallel", 2),
}[BACKEND]
GO_ON = {
    "jax": [("none", 1), ("model_parallel", 8)],
    "tensorflow": [("none", 1)],
    "torch": [("none", 1), ("data_parallel", 4)],
}[BACKEND]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training on one device, of two epochs of three steps."""
    folder = tmp_path_factory.mktemp("whole")
    return results(folder / "run", "drawn:6", folder=folder / "checkpoints")[0]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Checkpoints of a training on several devices that stopped after step 4."""
    folder = tmp_path_factory.mktemp("saved")
    results(folder / "run", "drawn:4", *SAVE, folder=folder / "checkpoints")
    return folder / "checkpoints"


def check_goes_on(processes, whole, first):
    for process in processes:
        np.testing.assert_allclose(
            process["losses"], whole["losses"][first - 1 :], atol=2e-6
        )
        for name, value in whole.items():
            if name.startswith("after/"):
                np.testing.assert_allclose(process[name], value, atol=1e-5)
        np.testing.assert_allclose(
            process["epoch_loss"], whole["epoch_loss"], atol=1e-6
        )


@pytest.mark.parametrize("devices", GO_ON, ids=lambda d: "-".join(map(str, d)))
def test_other_devices_go_on(whole, saved, tmp_path, devices):
    """With the noise, dropped labels and running means that one device would have."""
    folder = shutil.copytree(saved, tmp_path / "checkpoints")
    processes = results(tmp_path / "run", "drawn:6", *devices, folder=folder)
    check_goes_on(processes, whole, first=5)


def test_another_backend_goes_on(saved, tmp_path):
    """With the same noise it takes the same steps; every backend draws its own."""
    other = "jax" if BACKEND == "torch" else "torch"
    own, others = (
        results(tmp_path / backend, "restored", folder=saved, backend=backend)[0]
        for backend in (BACKEND, other)
    )
    np.testing.assert_allclose(others["losses"], own["losses"], rtol=1e-5)
    for name, value in own.items():
        np.testing.assert_allclose(others[name], value, atol=1e-4, err_msg=name)
    folder = shutil.copytree(saved, tmp_path / "checkpoints")
    process = results(tmp_path / "run", "drawn:6", folder=folder, backend=other)[0]
    assert process["losses"][:, 0].tolist() == [5, 6]
    assert np.all(np.isfinite(process["losses"]))


def test_one_process_writes(saved):
    names = {path.name for path in saved.iterdir()}
    entries = json.loads((saved / "checkpoints.json").read_text())["checkpoints"]
    assert names == {
        "checkpoints.json",
        "checkpoints-copy.json",
        *(entry["name"] for entry in entries),
    }
    assert [entry["name"][-1] for entry in entries] == ["1", "2"]


@pytest.mark.skipif(BACKEND == "tensorflow", reason="one process trains on TensorFlow")
def test_a_killed_process_ends_the_job(whole, tmp_path):
    """Instead of hanging it; then one device goes on from the last checkpoint."""
    folder = tmp_path / "checkpoints"
    processes = 2 if BACKEND == "jax" else 1
    statuses, output = launch(
        *(tmp_path / "run", "killed:5", "data_parallel", 2, processes, folder)
    )
    assert 0 not in statuses, output[-3000:]
    assert (folder / "checkpoints.json").is_file(), output[-3000:]
    if BACKEND == "jax":
        assert statuses[1] == -signal.SIGKILL, output[-3000:]
    if BACKEND == "torch":
        assert "Signal 9 (SIGKILL)" in output
        assert "rank      : 1" in output
    process = results(tmp_path / "again", "drawn:6", folder=folder)
    # Where the surviving process saved last, if it could still save.
    first = int(process[0]["losses"][0, 0])
    assert first in (5, 6)
    check_goes_on(process, whole, first=first)
