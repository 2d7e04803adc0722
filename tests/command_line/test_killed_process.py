"""A run that is killed goes on, and makes nothing twice."""

import os
import signal
import time

import numpy as np
import pytest

from tests.command_line.conftest import pixels
from tests.training.processes import run, start

pytestmark = pytest.mark.slow

COUNT = 96


def words(output):
    return (
        *("keras_sphere", "generate", "--preset=digits16", "--classes=all"),
        *(f"--num_images={COUNT}", "--batch_size=4", "--steps=4", "--seed=8"),
        f"--output={output}",
    )


def kill_after(process, ready):
    """Kills a process once `ready()` is true; the run must not have ended by then."""
    deadline = time.monotonic() + 300
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def finished(output):
    status, text, errors = run(*words(output))
    assert status == 0, errors
    return text


def images_in(folder):
    return list(folder.glob("[0-9]*.png"))


def test_a_folder(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finished(whole)
    kill_after(start(*words(killed)), lambda: len(images_in(killed)) > 5)
    kill_after(start(*words(killed)), lambda: len(images_in(killed)) > 40)
    kept = {path: path.stat().st_mtime_ns for path in images_in(killed)}
    assert 40 < len(kept) < COUNT
    assert f"{len(kept)} of {COUNT} images are there" in finished(killed)
    for path, written in kept.items():
        assert path.stat().st_mtime_ns == written
    names = sorted(path.name for path in whole.iterdir())
    assert sorted(path.name for path in killed.iterdir()) == names
    assert len(names) == COUNT + 1
    for name in names[:COUNT]:
        np.testing.assert_array_equal(pixels(killed / name), pixels(whole / name))


def test_an_npz_file(tmp_path):
    whole, killed = tmp_path / "whole.npz", tmp_path / "killed.npz"
    done = tmp_path / "killed.npz.partial" / "done"
    finished(whole)
    kill_after(start(*words(killed)), lambda: done.is_file() and int(done.read_text()))
    before = int(done.read_text())
    assert 0 < before < COUNT
    assert not killed.exists()
    assert f"{before} of {COUNT} images are there" in finished(killed)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "killed.npz",
        "whole.npz",
    ]
    with np.load(whole) as one, np.load(killed) as other:
        assert sorted(one) == ["images", "labels", "settings"]
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
