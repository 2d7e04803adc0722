"""Checkpoints as files: what stays, what goes, and what is noticed."""

import json
import os
import pathlib

import pytest

from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.training.checkpoint_store import INDEX, INDEX_COPY, CheckpointStore

pytestmark = pytest.mark.any_backend


def write(text):
    def write_to(folder):
        (folder / "model.keras").write_text(text)
        (folder / "state.json").write_text("{}")

    return write_to


def names(store):
    return [entry["name"][-2:] for entry in store.entries()]


def texts(store):
    folders = [store.open(entry) for entry in store.entries()]
    return [(folder / "model.keras").read_text() for folder in folders]


@pytest.fixture
def store(tmp_path):
    store = CheckpointStore(tmp_path / "run", keep=2)
    for number in (1, 2):
        store.save(write(f"content {number}"))
    return store


def test_an_empty_directory_has_none(tmp_path):
    store = CheckpointStore(tmp_path / "run")
    assert store.entries() == []
    assert store.best([]) is None
    assert not (tmp_path / "run").exists()


def test_the_newest_are_kept_and_nothing_else(store):
    store.save(write("content 3"))
    assert names(store) == ["02", "03"]
    assert texts(store) == ["content 2", "content 3"]
    found = {path.name for path in store.directory.iterdir()}
    folders = {"checkpoint-00000002", "checkpoint-00000003"}
    assert found == folders | {INDEX, INDEX_COPY}


@pytest.mark.parametrize(
    ("mode", "expected"), [("min", ["02", "05", "06"]), ("max", ["04", "05", "06"])]
)
def test_the_best_is_kept_too(tmp_path, mode, expected):
    store = CheckpointStore(tmp_path, keep=2, mode=mode)
    for value in (0.5, 0.1, None, 0.9, 0.3, 0.4):
        store.save(write("content"), value)
    assert names(store) == expected
    assert store.best(store.entries())["name"].endswith(expected[0])


def test_a_failed_save_leaves_everything_as_it_was(store):
    before = sorted(store.directory.rglob("*"))

    def fail(folder):
        (folder / "model.keras").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"00000003 could not be saved.*No space left"):
        store.save(fail)
    assert sorted(store.directory.rglob("*")) == before
    assert texts(store) == ["content 1", "content 2"]


def test_a_checkpoint_that_cannot_be_read_back_removes_none(store):
    """The new one is verified before the old ones go."""

    class Forgetful(CheckpointStore):
        def _write_index(self, entries):
            super()._write_index(entries)
            (self.directory / entries[-1]["name"] / "model.keras").write_text("lost")

    with pytest.raises(CorruptFileError, match=r"model\.keras is damaged"):
        Forgetful(store.directory, keep=1).save(write("content 3"))
    assert names(store) == ["01", "02", "03"]
    for entry in store.entries()[:2]:
        store.open(entry)


def test_what_a_killed_save_left_goes_with_the_next(store):
    folder = store.directory
    left = [
        folder / ".abc123-99999999-deadbeef-checkpoint-00000003",
        folder / "checkpoint-00000003",
    ]
    for path in left:
        path.mkdir()
        (path / "model.keras").write_text("half")
    left.append(folder / f".abc123-99999999-deadbeef-{INDEX}")
    left[-1].write_text("half")
    own = folder / "notes.txt"
    own.write_text("of the user")
    store.save(write("content 3"))
    assert not left[0].exists()
    assert not left[2].exists()
    assert texts(store) == ["content 2", "content 3"]
    assert own.exists()


def test_a_kill_in_the_first_save_is_no_loss(tmp_path):
    (tmp_path / "checkpoint-00000001").mkdir()
    store = CheckpointStore(tmp_path)
    assert store.entries() == []
    store.save(write("content"))
    assert texts(store) == ["content"]


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [flip, truncate, pathlib.Path.unlink])
@pytest.mark.parametrize("name", ["model.keras", "state.json"])
def test_damage_is_noticed_and_the_file_named(store, damage, name):
    damage(store.directory / "checkpoint-00000002" / name)
    first, second = store.entries()
    with pytest.raises(CorruptFileError, match=rf"00000002.{name}"):
        store.open(second)
    store.open(first)


@pytest.mark.parametrize("damage", [flip, truncate, pathlib.Path.unlink])
def test_damage_to_the_list_is_noticed_and_nothing_removed(store, damage):
    damage(store.directory / INDEX)
    with pytest.raises(CorruptFileError, match=r"checkpoints\.json"):
        store.entries()
    with pytest.raises(CorruptFileError, match=r"checkpoints\.json"):
        store.save(write("content 3"))
    assert len(store.entries(INDEX_COPY)) == 2
    assert len(list(store.directory.glob("checkpoint-*"))) == 2


@pytest.mark.parametrize("names", [("../../x", None), ("/etc", None), (None, "../x")])
def test_a_list_cannot_lead_out_of_the_folder(store, names):
    """Even with a checksum that fits."""
    entry = store.entries()[1]
    entry["name"] = names[0] or entry["name"]
    if names[1]:
        entry["files"] = {names[1]: "0" * 64}
    store._write_index([entry])
    with pytest.raises(CorruptFileError, match=r"Received: '.*(x|/etc)'"):
        store.entries()


def test_a_link_is_refused(store, tmp_path):
    file = store.directory / "checkpoint-00000002" / "model.keras"
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptFileError, match="is a link"):
        store.open(store.entries()[1])


def test_another_format_is_refused(store):
    path = store.directory / INDEX
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(CorruptFileError, match="format=2"):
        store.entries()


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"Received: keep=0"):
        CheckpointStore(tmp_path, keep=0)
    with pytest.raises(ValueError, match=r"Received: mode='least'"):
        CheckpointStore(tmp_path, mode="least")
