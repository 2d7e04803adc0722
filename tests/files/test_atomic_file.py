"""Files written under a temporary name."""

import os
import pathlib
import subprocess
import sys

import pytest

from keras_sphere.files.atomic_file import (
    check_space,
    folder_when_done,
    replace_when_done,
)

pytestmark = pytest.mark.any_backend


def test_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "folder" / "model.keras"
    for text in ("first", "second"):
        with replace_when_done(path) as temporary:
            assert temporary.suffix == ".keras"
            assert temporary.parent == path.parent
            temporary.write_text(text)
    assert path.read_text() == "second"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_keeps_the_earlier_file(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("earlier")

    def write_half():
        with replace_when_done(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_complete_or_absent(tmp_path):
    with folder_when_done(tmp_path / "version") as temporary:
        (temporary / "file").write_text("all")
        assert not (tmp_path / "version").exists()
    assert (tmp_path / "version" / "file").read_text() == "all"

    def write_half():
        with folder_when_done(tmp_path / "other") as temporary:
            (temporary / "file").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["version"]


@pytest.mark.skipif(os.name != "posix", reason="processes are looked up on POSIX only")
def test_what_a_killed_process_left_is_removed(tmp_path):
    path = tmp_path / "model.weights.h5"
    code = (
        "import os, signal\n"
        "from keras_sphere.files.atomic_file import replace_when_done\n"
        f"with replace_when_done({str(path)!r}) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    (left,) = tmp_path.iterdir()
    with replace_when_done(tmp_path / "other.h5") as temporary:
        assert left.exists()
        temporary.write_text("another file")
    with replace_when_done(path) as running:
        assert not left.exists()
        running.write_text("of a process that runs")
        with replace_when_done(path) as temporary:
            assert running.exists()
            temporary.write_text("all")
    assert {file.name for file in tmp_path.iterdir()} == {path.name, "other.h5"}


def test_space_is_reserved_and_given_back(tmp_path):
    check_space(tmp_path / "file", 1_000_000)
    assert (tmp_path / "file").stat().st_size == 0
