"""One loaded model for all commands that run in this process."""

import keras
import numpy as np
import PIL.Image
import pytest

from keras_sphere import SphereAdamW
from keras_sphere.command_line import main
from keras_sphere.command_line.model_source import ModelSource
from keras_sphere.data import load_digits

_MODELS = {}


def load_once(source):
    """What commands load, kept for those that follow."""
    key = source.handle, source.weights_sha256
    if key not in _MODELS:
        _MODELS[key] = source.load()
    return _MODELS[key]


@pytest.fixture
def command(tmp_path, monkeypatch, capsys, quick_compilation):
    """Runs a command in a folder of its own; returns (status, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = main([str(word) for word in words], load_once)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def digits16(quick_compilation):
    """The model that the commands of this process use."""
    return load_once(ModelSource("digits16"))


@pytest.fixture
def succeed(command):
    """Runs a command that must succeed; returns what it printed."""

    def run(*words):
        status, output, errors = command(*words)
        assert status == 0, errors
        return output

    return run


@pytest.fixture(scope="session")
def digit_files(tmp_path_factory):
    """Paths of four test digits, of the classes 3, 8, 5 and 4, as PNG files."""
    folder, (_, (images, labels)) = tmp_path_factory.mktemp("digits"), load_digits()
    paths = []
    for label in (3, 8, 5, 4):
        image = images[np.flatnonzero(labels == label)[0], ..., 0]
        paths.append(folder / f"digit_{label}.png")
        PIL.Image.fromarray(image).save(paths[-1])
    return paths


@pytest.fixture
def backend():
    return keras.backend.backend()


def save_model(path, model):
    """A color model of three classes as after training, as a file."""
    model.compile(optimizer=SphereAdamW())
    model.optimizer.build(model.trainable_variables)
    for _, average in model.optimizer.moving_averages():
        average.assign(0.8 * average)
    model.save(path)


def pixels(path):
    """The pixels of a file as an array."""
    with PIL.Image.open(path) as image:
        return np.asarray(image)
