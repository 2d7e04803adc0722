"""A preset's folder: complete at every moment."""

import h5py
import numpy as np
import pytest

from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.preset_files.folder import (
    checked_weights,
    read_config,
    write_preset,
)
from tests.preset_files.valid_config import new_config

NUM_VALUES = 4


def write(folder, value, overwrite=False):
    """Writes a preset whose few weights are all `value`."""

    def write_weights(path):
        with h5py.File(path, "w") as file:
            file["vars/0"] = np.full(NUM_VALUES, value, "float32")

    config = {
        **new_config(),
        "parameters": NUM_VALUES,
        "weights": {"dtype": "float32", "kind": "raw"},
    }
    write_preset(folder, config, f"card {value}\n", write_weights, overwrite)


def read(folder):
    """The value of a preset's weights."""
    with h5py.File(checked_weights(folder, read_config(folder))) as file:
        return file["vars/0"][0]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_fresh_folder(tmp_path):
    write(tmp_path / "new" / "preset", 1)
    assert names(tmp_path / "new") == ["preset"]
    assert names(tmp_path / "new" / "preset") == [
        "README.md",
        "config.json",
        "model.weights.h5",
    ]
    assert read(tmp_path / "new" / "preset") == 1


def test_overwriting(tmp_path):
    folder = tmp_path / "preset"
    write(folder, 1)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write(folder, 2)
    assert read(folder) == 1
    for value in (2, 2, 3):
        write(folder, value, overwrite=True)
        assert read(folder) == value
        assert (folder / "README.md").read_text() == f"card {value}\n"
        assert len(names(folder)) == 3


def test_other_files_of_the_folder_stay(tmp_path):
    for name in ("notes.txt", "best.weights.h5", "model.keras"):
        (tmp_path / name).write_text("mine")
    write(tmp_path, 1, overwrite=True)
    write(tmp_path, 2, overwrite=True)
    assert {"notes.txt", "best.weights.h5", "model.keras"} < set(names(tmp_path))


def test_a_failure_leaves_the_old_preset(tmp_path):
    folder = tmp_path / "preset"
    write(folder, 1)

    def fail(path):
        path.write_text("half")
        raise OSError("No space left on device")

    config = {**new_config(), "weights": {"dtype": "float32", "kind": "raw"}}
    for target in (folder, tmp_path / "other"):
        with pytest.raises(OSError, match="No space left"):
            write_preset(target, config, "card", fail, overwrite=True)
    assert names(tmp_path) == ["preset"]
    assert len(names(folder)) == 3
    assert read(folder) == 1


def test_damage_names_the_file(tmp_path):
    folder = tmp_path / "preset"
    write(folder, 1)
    path = folder / "model.weights.h5"
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    for bad in (good[:-1], bytes(flipped), b""):
        path.write_bytes(bad)
        with pytest.raises(CorruptFileError, match=r"model\.weights\.h5 is damaged"):
            read(folder)
    path.unlink()
    with pytest.raises(CorruptFileError, match=r"model\.weights\.h5 is missing"):
        read(folder)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 10**5, '{"a": ' + "9" * 10**5 + "}", "\x80\x04", " " * 2**21],
    ids=["empty", "cut", "deep", "long", "bytes", "large"],
)
def test_bad_json_names_the_file(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json.*Received: "):
        read_config(tmp_path)


def test_a_long_configuration_is_not_read(tmp_path):
    write(tmp_path / "preset", 1)
    with open(tmp_path / "preset" / "config.json", "a") as file:
        file.write(" " * 2**24)
    with pytest.raises(ValueError, match=r"config\.json must have at most"):
        read_config(tmp_path / "preset")


def test_contents_are_checked_beside_the_checksum(tmp_path):
    write(tmp_path, 1, overwrite=True)
    config = {**read_config(tmp_path), "parameters": NUM_VALUES + 1}
    with pytest.raises(ValueError, match="Received: 4 values"):
        checked_weights(tmp_path, config)


def test_a_card_of_any_names(tmp_path):
    """The second is how Python says a file name that is no text."""
    for text, read in (("\u00e9\u732b", "\u00e9\u732b"), ("caf\udce9", "caf?")):
        write_preset(tmp_path, new_config(), text, overwrite=True)
        assert (tmp_path / "README.md").read_bytes() == read.encode()


def test_no_configuration(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: folder="):
        read_config(tmp_path)


def test_what_could_not_be_read_is_not_written(tmp_path):
    config = {**new_config(), "recipe": {}}
    with pytest.raises(ValueError, match="`recipe`"):
        write_preset(tmp_path / "preset", config, "card")
    assert names(tmp_path) == []
