"""Folders in folders, links between them, and what cannot be read."""

import contextlib
import os
import pathlib
import tempfile

import pytest

from keras_sphere import data
from keras_sphere.data.listing import files_below
from tests.data.image_files import write, write_classes

pytestmark = pytest.mark.any_backend

NOBODY = 65534


def load(path, **options):
    return data.load(path, image_size=16, batch_size=2, **options)


@contextlib.contextmanager
def without_privileges():
    """Root may read every folder, so the test is another user for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_nested_folders_links_and_hidden_files(tmp_path):
    write(tmp_path / "a" / "deep" / "er" / "1.png")
    write(tmp_path / "a" / ".hidden.png")
    write(tmp_path / ".cache" / "2.png")
    write(tmp_path / "__MACOSX" / "3.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    elsewhere = write(tmp_path.parent / "elsewhere" / "4.JPG").parent
    (tmp_path / "b").symlink_to(elsewhere, target_is_directory=True)
    what = load(tmp_path).description
    assert what.class_names == ("a", "b")
    assert what.num_images == 2


def test_a_folder_in_two_places_is_in_both(tmp_path):
    write_classes(tmp_path / "all", 3, ("cat", "dog"))
    write_classes(tmp_path / "train", 2, ("cat", "wild"))
    (tmp_path / "train" / "dog").symlink_to("../all/dog", target_is_directory=True)
    assert len(files_below(tmp_path)) == 6 + 7
    what = load(tmp_path).description
    assert what.class_names == ("cat", "dog", "wild")
    assert what.num_images == 7


def test_links_across_end(tmp_path):
    write(tmp_path / "a" / "1.png")
    write(tmp_path / "b" / "2.png")
    (tmp_path / "a" / "other").symlink_to("../b", target_is_directory=True)
    (tmp_path / "b" / "other").symlink_to("../a", target_is_directory=True)
    assert files_below(tmp_path) == [
        *("a/1.png", "a/other/2.png"),
        *("b/2.png", "b/other/1.png"),
    ]


def test_a_folder_that_cannot_be_read_is_an_error():
    with tempfile.TemporaryDirectory() as name:
        folder = write_classes(name, 1)
        folder.chmod(0o755)
        locked = folder / "dog"
        locked.chmod(0)
        with (
            without_privileges(),
            pytest.raises(
                PermissionError,
                match=rf"folder of images cannot be read: Perm.*{locked}",
            ),
        ):
            files_below(folder)
        locked.chmod(0o755)
        with without_privileges():
            assert len(files_below(folder)) == 3


def test_links_that_lead_nowhere(tmp_path):
    write(tmp_path / "cat" / "1.png")
    for name in ("2.png", "gone"):
        pathlib.Path(tmp_path, "cat", name).symlink_to("no such file")
    pathlib.Path(tmp_path, "cat", "3.png").symlink_to("3.png")
    dataset = load(tmp_path, drop_last=False)
    assert dataset.description.num_images == 1
    for name in ("2.png", "3.png", "gone"):
        assert f"{tmp_path}/cat/{name}" in dataset.report
    pathlib.Path(tmp_path, "dog").symlink_to("dog")
    with pytest.raises(OSError, match=rf"cannot be read: Too many.*{tmp_path}/dog"):
        load(tmp_path)
