"""A preset's folder: complete at every moment."""

import os
import pathlib
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.preset_files.folder import (
    checked_weights,
    read_config,
    write_preset,
)
from tests.preset_files.test_schema import new_config

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


DIE = """
    import os, pathlib, sys
    from tests.preset_files.test_folder import read, write

    base = pathlib.Path(sys.argv[1])
    left = -1

    def count(event, args):
        # Dies, as by kill -9, before one of the calls that change files in `base`.
        global left
        changes = event in ("os.rename", "os.remove", "os.mkdir") or (
            event == "open" and args[1] is not None and set("wax") & set(args[1])
        )
        if left >= 0 and changes and str(args[0]).startswith(str(base)):
            if left == 0:
                os._exit(9)
            left -= 1

    sys.addaudithook(count)
    for moment in range(100):
        folder = base / f"{moment}"
        if sys.argv[2] == "overwrite":
            write(folder, 1)
        if (child := os.fork()) == 0:
            left = moment
            write(folder, 2, overwrite=True)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = read(folder) if folder.exists() else None
        print(code, found)
        write(folder, 3, overwrite=True)
        assert read(folder) == 3 and len(list(folder.iterdir())) >= 3
        if code == 0:
            break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("mode", ["fresh", "overwrite"])
def test_dying_at_any_moment(tmp_path, mode):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DIE), str(tmp_path), mode],
        cwd=pathlib.Path(__file__).parents[2],
        # Keras' NumPy backend starts no threads, so that forking is safe.
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    outcomes = [line.split() for line in result.stdout.splitlines()]
    assert len(outcomes) > 5
    assert [code for code, _ in outcomes[:-1]] == ["9"] * (len(outcomes) - 1)
    assert outcomes[-1] == ["0", "2.0"]
    before = "1.0" if mode == "overwrite" else "None"
    assert {found for _, found in outcomes} == {before, "2.0"}


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


def test_no_configuration(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: folder="):
        read_config(tmp_path)


def test_what_could_not_be_read_is_not_written(tmp_path):
    config = {**new_config(), "recipe": {}}
    with pytest.raises(ValueError, match="`recipe`"):
        write_preset(tmp_path / "preset", config, "card")
    assert names(tmp_path) == []
