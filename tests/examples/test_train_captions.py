"""Captions of measured pictures, and whether pictures obey them."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from keras_sphere.data import load_digits
from tests.examples.environment import example_environment

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))

import captioned_images

EXAMPLE = pathlib.Path(captioned_images.__file__).with_name("train_captions.py")


def bar(columns_per_row, half_width=1):
    """A bright bar through the middle that moves so far right with every row up."""
    rows, columns = np.indices((16, 16))
    distance = columns - 8 - columns_per_row * (8 - rows)
    return (np.abs(distance) <= half_width).astype("float32")[None, ..., None]


@pytest.mark.any_backend
def test_what_is_measured():
    leans = [captioned_images.lean(bar(slope))[0] for slope in (-0.5, 0.0, 0.5)]
    np.testing.assert_allclose(leans, [-0.5, 0.0, 0.5], atol=0.05)
    thin, bold = bar(0.0, 0), bar(0.0, 2)
    for measure in (captioned_images.thickness, captioned_images.width):
        assert measure(thin)[0] < measure(bold)[0]


@pytest.mark.any_backend
def test_captions_of_the_digits():
    (images, labels), _ = load_digits()
    pixels = images.astype("float32") / 255.0
    captions = captioned_images.CAPTIONS["digits"]
    thirds = captioned_images.Thirds(captions, pixels, labels)
    levels = thirds.levels(pixels, labels)
    for label in (0, 7):
        counts = [
            np.bincount(column, minlength=3) for column in levels[labels == label].T
        ]
        assert np.ptp(counts) <= 2
    assert captions.of(7, (2, 2)) == "a bold 7, leaning right"
    grid = [(c, (a, b)) for c in range(10) for a in range(3) for b in range(3)]
    held_out = [entry for entry in grid if captioned_images.is_held_out(*entry)]
    assert sorted(label for label, _ in held_out) == list(range(10))


@pytest.mark.slow
def test_the_example_runs(tmp_path):
    command = [sys.executable, str(EXAMPLE), "--epochs=1"]
    quick = ["--hidden_dim=16", "--num_images=1", "--dim=32", "--guidance_scale=2"]
    result = subprocess.run(
        [*command, *quick, "--steps=1", f"--output_dir={tmp_path / 'run'}"],
        env=example_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    found = json.loads((tmp_path / "run" / "obeyed.json").read_text())
    assert found["class of real test images"] > 0.95
    assert set(found["guidance 2"]) == {"trained", "new"}
    assert (tmp_path / "run" / "captions.png").is_file()
