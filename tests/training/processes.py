"""Python processes of tests, in this checkout."""

import os
import pathlib
import subprocess
import sys

import keras

ROOT = pathlib.Path(__file__).parents[2]


def start(*arguments, backend=None):
    """Starts `python -m ARGUMENTS`; the process's output is piped.

    Args:
        *arguments: What follows `-m`: a module and its arguments.
        backend: String or `None` for that of this process.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "KERAS_BACKEND": backend or keras.backend.backend(),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments, backend=None, seconds=300):
    """Runs `python -m ARGUMENTS` to its end; returns exit status and outputs."""
    process = start(*arguments, backend=backend)
    output, errors = process.communicate(timeout=seconds)
    return process.returncode, output, errors
