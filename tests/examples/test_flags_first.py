"""Scripts that people start by hand say what is wrong before they import Keras."""

import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.any_backend

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("script", ["toy_sphere.py", "train_digits.py"])
def test_a_mistyped_flag(script):
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / script), "--sede=1"],
        env={**os.environ, "KERAS_BACKEND": "none"},  # on which Keras cannot start
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "Unknown command line flag 'sede'. Did you mean: seed" in result.stderr
