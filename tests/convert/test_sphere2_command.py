"""`python -m keras_sphere.convert sphere2`, in processes of its own."""

import os
import subprocess
import sys

import keras
import pytest

from keras_sphere import presets
from tests.convert.sphere2_folders import save, state_dict, write_config

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path):
    """A published folder."""
    write_config(tmp_path / "run")
    save(tmp_path / "run", model=state_dict(seed=1), ema_model=state_dict(seed=2))
    return tmp_path / "run"


def command(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "keras_sphere.convert", *map(str, words)],
        env={**os.environ, "PYTHONWARNINGS": "ignore", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_decoder(run, tmp_path):
    target = tmp_path / "preset"
    words = ("sphere2", run, f"--output={target}", "--weights=raw", "--license=MIT")
    done = command(*words, "--dtype=float16", "--name=mine")
    assert done.stdout == f"Wrote the preset {target}\n", done.stderr
    config = presets.describe(target)
    assert config["weights"]["kind"] == "raw"
    assert config["weights"]["dtype"] == "float16"
    assert (config["name"], config["license"]) == ("mine", "MIT")
    refused = command(*words)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("Error: The folder of the")


def test_all_after_the_license(run, tmp_path):
    target = tmp_path / "preset"
    words = ("sphere2", run, f"--output={target}", "--part=all")
    refused = command(*words)
    assert refused.returncode == 1
    assert "Meta's DINOv3 License (https://" in refused.stderr
    assert "--accept_license=dinov3" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not target.exists()
    done = command(*words, "--accept_license=dinov3")
    assert "Meta's DINOv3 License (https://" in done.stdout, done.stderr
    assert done.stdout.endswith(f"Wrote the preset {target}\n")
    assert presets.describe(target)["architecture"]["has_encoder"]


def test_usage(run, tmp_path):
    """And a folder of that name is a source as any other."""
    refused = command("sphere2", run)
    assert refused.returncode == 1
    assert "With sphere2 say where to write: --output=FOLDER." in refused.stderr
    refused = command("sphere2", "--output=x")
    assert "Give one argument after sphere2" in refused.stderr
    run.rename(tmp_path / "sphere2")
    other = subprocess.run(
        [sys.executable, "-m", "keras_sphere.convert", "sphere2", "target"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "sphere2 SOURCE --output=TARGET" in other.stderr.splitlines()[-1]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="it is PyTorch")
@pytest.mark.parametrize("format", ["npz", "safetensors"])
def test_without_pytorch(run, tmp_path, format):
    blocked = tmp_path / "blocked" / "torch"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text(
        "raise ModuleNotFoundError('blocked', name='torch')"
    )
    path = os.pathsep.join([str(blocked.parent), os.environ.get("PYTHONPATH", "")])
    words = ("sphere2", run, f"--output={tmp_path / 'preset'}")
    refused = command(*words, PYTHONPATH=path)
    assert refused.returncode == 1
    assert "save its tensors there as .safetensors or .npz" in refused.stderr
    save(run, format, ema_model=state_dict(seed=2))
    done = command(*words, PYTHONPATH=path)
    assert done.stdout.startswith("Wrote the preset"), done.stderr
