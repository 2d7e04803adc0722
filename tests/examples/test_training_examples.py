"""The training examples as users run them, on data that needs no files."""

import json
import pathlib
import resource
import subprocess
import sys

import keras
import PIL.Image
import pytest

import keras_sphere
from keras_sphere.training.checkpoint_store import CheckpointStore
from tests.examples.environment import example_environment

ROOT = pathlib.Path(__file__).parents[2]
QUICK = ("--split=train[:60]", "--held_out_split=test[:20]", "--verbose=2")
EXAMPLES = {
    "train_cifar": ("digits", "cifar10", 10),
    "train_imagenet": ("fake", "imagenet256_large", 10),
    "train_flowers": ("fake", "oxford_flowers256", 10),
    "train_animal_faces": ("fake", "animal_faces256", 0),
    "train_fashion": ("digits", "fashion28", 10),
}
# All are a preset's name and one call of `train`, so each of the others runs once.
ELSEWHERE = {
    "train_imagenet": "tensorflow",
    "train_flowers": "torch",
    "train_animal_faces": "jax",
    "train_fashion": "torch",
}


def run(name, *arguments, **more):
    """Runs an example to its end; returns the finished process."""
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{name}.py"), *arguments],
        env=example_environment(),
        capture_output=True,
        text=True,
        check=False,
        **more,
    )


@pytest.mark.parametrize(
    "name",
    [
        "train_cifar",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name, backend in ELSEWHERE.items()
            if backend == keras.backend.backend()
        ),
    ],
)
def test_trains_on_data_without_files(name, tmp_path):
    dataset, preset, num_classes = EXAMPLES[name]
    result = run(
        name,
        f"--dataset={dataset}",
        "--batch_size=20",
        "--epochs=2",
        *QUICK,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "A trial run, not the recipe: size=tiny" in result.stdout
    assert f"preset         {preset}:" in result.stdout
    folder = tmp_path / "runs" / f"{preset}-trial"
    assert len((folder / "log.csv").read_text().splitlines()) == 3
    pictures = sorted(path.name for path in (folder / "pictures").iterdir())
    assert pictures == ["reconstructions-epoch-0002.png", "samples-epoch-0002.png"]
    with PIL.Image.open(folder / "pictures" / pictures[1]) as picture:
        assert picture.width >= 400
    description = keras_sphere.presets.describe(folder / "preset")
    assert description["architecture"]["num_classes"] == num_classes
    assert description["weights"]["kind"] == "raw"


@pytest.mark.slow
def test_help_lists_the_flags_of_the_training():
    result = run("train_folder", "--help=all")
    for flag in ("--preset", "--[no]resume", "--rematerialize_every", "--max_steps"):
        assert flag in result.stdout


@pytest.mark.slow
def test_a_mistake_is_a_message():
    result = run("train_folder", "--dataset=nowhere")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Error: The data must be")
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_full_disk_is_said_and_the_run_goes_on_later(tmp_path):
    arguments = [
        "--dataset=fake",
        f"--output_dir={tmp_path}",
        "--log_images_every=0",
        "--checkpoint_every_steps=2",
        *QUICK,
        "--batch_size=5",
    ]
    assert run("train_cifar", *arguments, "--max_steps=3").returncode == 0
    store = CheckpointStore(tmp_path / "checkpoints")
    before = store.entries()

    def fill_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))

    full = run("train_cifar", *arguments, preexec_fn=fill_disk)
    assert full.returncode == 1
    assert "could not be saved" in full.stderr
    assert "earlier checkpoints are as they were" in full.stderr
    assert "Traceback" not in full.stderr
    assert store.entries() == before
    store.open(before[-1])
    resumed = run("train_cifar", *arguments, "--max_steps=5")
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    assert "Going on from step 3" in resumed.stdout
    state = json.loads((store.open(store.entries()[-1]) / "state.json").read_text())
    assert state["steps_done"] == 5
    refused = run("train_cifar", *arguments, "--batch_size=6")
    assert refused.returncode == 1
    assert "data.batch_size: 5 -> 6" in refused.stderr
