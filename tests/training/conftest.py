"""Compiling takes the time: these tests run each program few times."""

import pytest

from keras_sphere.training import train
from tests.training.small_runs import batches, save_recipe


@pytest.fixture(scope="module", autouse=True)
def quick(quick_compilation):
    """All modules of this folder."""


@pytest.fixture(scope="session")
def preset(tmp_path_factory):
    """A folder: the tiny model of the tests as a recipe."""
    path = tmp_path_factory.mktemp("presets") / "tiny"
    save_recipe(path)
    return path


@pytest.fixture(scope="session")
def run(preset):
    """Trains into a folder; the same arguments each time, but for those given."""

    def train_in(folder, **choices):
        arguments = {
            "dataset": batches(),
            "log_images_every": 0,
            "checkpoint_every_steps": 5,
            "verbose": "0",
            **choices,
        }
        return train(preset, output_dir=folder, **arguments)

    return train_in
