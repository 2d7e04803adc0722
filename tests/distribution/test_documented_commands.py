"""The commands of docs/distribution.md for simulated devices, as written there."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import keras
import pytest

from tests.distribution.launch import ROOT

pytestmark = pytest.mark.slow

HEADING = "On a machine with no accelerator:"


def commands():
    """All of them, in the page's order, with their continuation lines."""
    text = (ROOT / "docs/distribution.md").read_text().split(HEADING)[1]
    block = re.match(r"\n\n((?:    .*\n)+)", text)[1]
    return [line.strip() for line in block.replace("\\\n", " ").splitlines()]


def is_ours(command):
    return shlex.split(command)[0] == f"KERAS_BACKEND={keras.backend.backend()}"


def test_every_backend_has_a_command():
    lines = commands()
    assert len(lines) == 4
    assert any(map(is_ours, lines))


@pytest.mark.parametrize("command", [line for line in commands() if is_ours(line)])
def test_runs_as_written(command, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    bin_folder = pathlib.Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("XLA_FLAGS", None)
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run(
        command,
        shell=True,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert (tmp_path / "runs/devices/samples.png").is_file()
    assert (tmp_path / "runs/devices/checkpoints/checkpoints.json").is_file()
