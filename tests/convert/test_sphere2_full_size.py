"""A decoder of full size with random weights: converted in little memory, and used."""

import json
import pathlib
import subprocess
import sys
import tempfile

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

ROOT = pathlib.Path(__file__).parents[2]


def run(task, folder):
    """The answer of a task of `full_size.py`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.convert.full_size", task, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def folder():
    """A folder of which nothing is left: two gigabytes."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def test_base_decoder(folder):
    written, converted, used = (
        run(task, folder) for task in ("write", "convert", "generate")
    )
    print(written, converted, used)
    assert written["kept"] == 4 * 131_394_048
    assert written["file"] > 2.4 * written["kept"]
    assert converted["peak"] < 1.3 * written["kept"]
    assert used["parameters"] == 131_394_048
    assert used["size"] < 1.01 * written["kept"]
    assert used["shape"] == [1, 256, 256, 3]
    assert used["finite"]
    assert used["spread"] > 1e-3
