"""The training entry on several devices: the weights that one device trains."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_sphere import presets

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "train_cifar.py"
FLAGS = (
    "--dataset=fake",
    "--batch_size=24",
    "--max_steps=3",
    "--checkpoint_every_steps=2",
    "--tensorboard",
)


def train(folder, *flags, launcher=()):
    done = subprocess.run(
        [sys.executable, *launcher, SCRIPT, *FLAGS, f"--output_dir={folder}", *flags],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.count("Done: ") == 1
    model = presets.load(folder / "preset", compile=False)
    weights = model.backbone.trainable_variables
    return [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in weights]


def test_two_devices_train_what_one_does(tmp_path):
    one = train(tmp_path / "one")
    if keras.backend.backend() == "torch":
        launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
        two = train(tmp_path / "two", "--distribution=data_parallel", launcher=launcher)
    else:
        flags = ("--distribution=data_parallel", "--simulated_devices=2")
        two = train(tmp_path / "two", *flags)
    assert all(np.all(np.isfinite(weight)) for weight in one)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        path.name for path in (tmp_path / "one").iterdir()
    }


def test_a_dry_run_says_what_a_device_holds():
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "examples" / "train_imagenet.py", "--dry_run"),
            *("--preset=imagenet256_xlarge", "--dry_run_steps=0"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "model parallel, 8 devices   3.48 GB" in done.stdout
