"""The digits example as users run it, tiny and for two epochs."""

import json
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import PIL.Image
import pytest

import keras_sphere
from tests.examples.environment import example_environment

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "train_digits.py"
PICTURES = ("samples", "reconstructions", "interpolation", "sphere", "losses")
TINY = (
    "--epochs=2",
    "--batch_size=500",
    "--hidden_dim=16",
    "--num_layers=1",
    "--num_heads=2",
    "--verbose=2",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_script(tmp_path_factory.mktemp("digits"))


def run_script(folder, *flags):
    """Runs the script; returns its folder and what it printed."""
    result = subprocess.run(
        [sys.executable, str(SCRIPT), f"--output_dir={folder}", *TINY, *flags],
        env=example_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return folder, result.stdout


def test_writes_everything_and_nothing_else(run):
    folder, _ = run
    expected = {f"{name}.png" for name in PICTURES} | {"model.keras", "metrics.json"}
    assert {path.name for path in folder.iterdir()} == expected


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_open(run, name):
    with PIL.Image.open(run[0] / f"{name}.png") as picture:
        assert picture.width >= 500
        assert picture.height >= 250
        assert len(np.unique(np.asarray(picture.convert("L")))) > 10


def test_prints_the_losses_and_the_table(run):
    _, output = run
    for name in ("pixel_reconstruction", "pixel_consistency", "latent_consistency"):
        assert f"{name}_loss" in output
    assert "samples, 4 steps" in output
    assert "500 real training images" in output


def test_the_second_method(tmp_path):
    folder, output = run_script(tmp_path / "second", "--method=2", "--nomeasure")
    for name in ("pixel_reconstruction", "latent_consistency", "distribution"):
        assert f"{name}_loss" in output
    assert "pixel_consistency" not in output
    assert keras.saving.load_model(folder / "model.keras").backbone.tells_angle


def test_metrics_file(run):
    report = json.loads((run[0] / "metrics.json").read_text())
    assert report["backend"] == keras.backend.backend()
    assert report["config"]["hidden_dim"] == 16
    assert report["steps"] == 6
    assert report["milliseconds_per_step"] > 0
    assert list(report["quality"]["samples"]) == ["1", "2", "4", "6"]
    assert set(report["final_losses"]) == {
        "loss",
        "pixel_reconstruction_loss",
        "pixel_consistency_loss",
        "latent_consistency_loss",
        "latent_uniformity_loss",
    }


def test_the_model_file_generates(run):
    model = keras.saving.load_model(run[0] / "model.keras")
    images = model.generate(labels=[3, 7], steps=2, seed=0)
    assert images.shape == (2, 16, 16, 1)
    assert np.all(np.isfinite(images))


def test_a_run_becomes_the_preset(run, tmp_path):
    """`publish_digits16.py`, on a copy of the preset's folder."""
    folder, _ = run
    source = pathlib.Path(keras_sphere.__file__).parent / "presets" / "digits16"
    preset = tmp_path / "digits16"
    preset.mkdir()
    for name in ("config.json", "README.md"):
        shutil.copy(source / name, preset)
    script = ROOT / "examples" / "publish_digits16.py"
    result = subprocess.run(
        [sys.executable, str(script), f"--run_dir={folder}", f"--preset_dir={preset}"],
        env=example_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    description = keras_sphere.presets.describe(preset)
    assert description["weights"]["dtype"] == "float16"
    assert description["recipe"]["training"]["epochs"] == 2
    assert "500 real training images" in description["card"]
    assert "there are no weights" not in description["card"]
    model = keras_sphere.presets.load(preset)
    trained = keras.saving.load_model(folder / "model.keras")
    for loaded, value in zip(
        model.backbone.trainable_variables,
        trained.backbone.trainable_variables,
        strict=True,
    ):
        expected = keras.ops.convert_to_numpy(value).astype("float16")
        assert np.array_equal(keras.ops.convert_to_numpy(loaded), expected)
