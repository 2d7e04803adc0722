"""The toy example as users run it, for a few steps."""

import pathlib
import subprocess
import sys

import numpy as np
import PIL.Image

from tests.examples.environment import example_environment

ROOT = pathlib.Path(__file__).parents[2]


def test_toy_sphere_draws_its_picture(tmp_path):
    path = tmp_path / "toy.png"
    result = subprocess.run(
        [
            *(sys.executable, str(ROOT / "examples" / "toy_sphere.py")),
            *(f"--output_path={path}", "--steps=20", "--seed=1"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=example_environment(),
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "20/20" in result.stdout
    for name in ("pixel_reconstruction", "pixel_consistency", "latent_consistency"):
        assert f"{name}_loss" in result.stdout
    assert "samples of 4 step(s) are on a blob" in result.stdout
    assert {entry.name for entry in tmp_path.iterdir()} == {"toy.png"}
    with PIL.Image.open(path) as picture:
        assert picture.width >= 1500
        assert len(np.unique(np.asarray(picture.convert("L")))) > 100
