"""Files made to do harm: nothing in them runs, and nothing outside is written."""

import json
import pathlib
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_sphere.files.integrity import CorruptFileError, sha256
from keras_sphere.training import restore
from keras_sphere.training.checkpoint_store import CheckpointStore
from keras_sphere.training.training_state import Position, save_state
from tests import tiny_models


@pytest.fixture(scope="module")
def model():
    model = tiny_models.new_model()
    model.compile()
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def store(model, tmp_path):
    store = CheckpointStore(tmp_path / "run")
    store.save(lambda folder: save_state(model, folder, Position(), 1, 0))
    return store


def rewrite(path, change):
    """Passes each member's name and bytes through `change`, in place."""
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, change(name, content))


def sign(store):
    """Makes the checksums fit again, as an attacker can."""
    (entry,) = store.entries()
    folder = store.directory / entry["name"]
    entry["files"] = {file.name: sha256(file) for file in folder.iterdir()}
    store._write_index([entry])


def with_lambda(marker):
    """A change of `config.json`: the perceptual network becomes a Lambda layer."""
    layer = keras.layers.Lambda(lambda x: pathlib.Path(marker).touch() or x)
    code = keras.saving.serialize_keras_object(layer)

    def change(name, content):
        if name == "config.json":
            config = json.loads(content)
            config["config"]["perceptual"] = code
            content = json.dumps(config).encode()
        return content

    return change


def test_a_file_with_code_is_refused(model, tmp_path):
    path, marker = tmp_path / "model.keras", tmp_path / "ran"
    model.save(path)
    rewrite(path, with_lambda(str(marker)))
    with pytest.raises(ValueError, match=r"[Ll]ambda"):
        keras.saving.load_model(path)
    assert not marker.exists()


def test_a_checkpoint_with_code_runs_none(model, store, tmp_path):
    """Only the arrays of `model.keras` are read, into the model at hand."""
    marker = tmp_path / "ran"
    (path,) = store.directory.rglob("model.keras")
    rewrite(path, with_lambda(str(marker)))
    sign(store)
    restore(model, store.directory)
    assert not marker.exists()


def test_an_archive_writes_nothing_outside(model, tmp_path):
    path = tmp_path / "inner" / "model.keras"
    model.save(path)

    with zipfile.ZipFile(path, "a") as archive:
        for name in ("../escaped", tmp_path / "absolute", "assets/../../../escaped"):
            archive.writestr(str(name), b"x")
    with pytest.warns(UserWarning, match="Skipping invalid path"):
        keras.saving.load_model(path)
    names = {file.name for file in tmp_path.rglob("*")}
    assert names == {"inner", "model.keras"}


def test_weights_do_not_link_to_other_files(model, tmp_path):
    """A link to an array of the same shape would load, if links were followed."""
    weights, secret = tmp_path / "model.weights.h5", tmp_path / "secret.h5"
    model.save_weights(weights)
    with h5py.File(weights, "a") as file:
        arrays = []
        file.visititems(lambda name, item: arrays.append(name))
        name = next(n for n in arrays if n.startswith("backbone") and n.endswith("/0"))
        with h5py.File(secret, "w") as other:
            other["0"] = np.ones_like(file[name])
        del file[name]
        file[name] = h5py.ExternalLink(str(secret), "/0")
    with pytest.raises(ValueError, match="could not be loaded"):
        model.load_weights(weights)


def test_a_list_that_leads_elsewhere_is_refused(model, store, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (store.directory / "checkpoint-00000001").rename(elsewhere)
    (entry,) = store.entries()
    store._write_index([{**entry, "name": "../elsewhere"}])
    with pytest.raises(CorruptFileError, match=r"Received: '\.\./elsewhere'"):
        restore(model, store.directory)
    folder = pathlib.Path(store.directory / "checkpoint-00000001")
    folder.symlink_to(elsewhere, target_is_directory=True)
    store._write_index([entry])
    with pytest.raises(CorruptFileError, match="is a link"):
        restore(model, store.directory)


@pytest.mark.parametrize(
    "change",
    [
        {"position": "__import__('os')"},
        {"position": [-1, 0]},
        {"position": [0]},
        {"random": [["a", "b"]] * 3},
        {"random": [[0, 1, 2]] * 3},
        {"metrics": 3},
    ],
)
def test_a_state_that_was_not_written_is_refused(model, store, change):
    (path,) = store.directory.rglob("state.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    sign(store)
    with pytest.raises(CorruptFileError, match=r"state\.json .* Received: "):
        restore(model, store.directory)
