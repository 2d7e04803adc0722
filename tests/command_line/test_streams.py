"""The task `generate` into folders and .npz files."""

import json

import numpy as np
import pytest

from keras_sphere.command_line import numbered_images
from keras_sphere.command_line.npz_stream import NpzStream
from keras_sphere.command_line.png_folder import PngFolder
from keras_sphere.visualization.image_grid import to_uint8
from tests.command_line.conftest import pixels

FLAGS = ("generate", "--preset=digits16", "--steps=2", "--batch_size=4", "--seed=3")


@pytest.fixture
def expected(digits16):
    labels = np.repeat([2, 6], 5)
    return to_uint8(digits16.generate(labels=labels, steps=2, seed=3, batch_size=4))


def read_folder(folder):
    return np.stack([pixels(path) for path in sorted(folder.glob("*.png"))])[..., None]


def test_folder(succeed, tmp_path, expected):
    output = succeed(*FLAGS, "--classes=2,6", "--num_images=10", "--output=out")
    assert "0 of 10 images are there" in output
    folder = tmp_path / "out"
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"{number}.png" for number in range(10)),
        "settings.json",
    ]
    assert np.max(np.abs(read_folder(folder).astype(int) - expected)) <= 1


def test_a_folder_is_filled_up(succeed, tmp_path):
    flags = (*FLAGS, "--classes=2,6", "--num_images=10")
    succeed(*flags, "--output=whole")
    succeed(*flags, "--output=parts", "--numbers=1-2,6")
    kept = (tmp_path / "parts" / "6.png").stat()
    output = succeed(*flags, "--output=parts")
    assert "3 of 10 images are there" in output
    now = (tmp_path / "parts" / "6.png").stat()
    assert (now.st_ino, now.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    parts, whole = (read_folder(tmp_path / name) for name in ("parts", "whole"))
    np.testing.assert_array_equal(parts, whole)


def test_again_makes_one_image_of_a_folder(succeed, tmp_path):
    succeed(*FLAGS, "--classes=2,6", "--num_images=10", "--output=out")
    succeed("again", "out/6.png", "--output=six.png")
    np.testing.assert_array_equal(pixels("six.png"), pixels("out/6.png"))


def test_npz(succeed, tmp_path, expected):
    succeed(*FLAGS, "--classes=2,6", "--num_images=10", "--output=out.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]
    with np.load("out.npz", allow_pickle=False) as file:
        assert file["images"].dtype == np.uint8
        assert np.max(np.abs(file["images"].astype(int) - expected)) <= 1
        np.testing.assert_array_equal(file["labels"], np.repeat([2, 6], 5))
        assert json.loads(str(file["settings"]))["flags"]["seed"] == 3


def test_no_class_in_an_npz(succeed):
    succeed(*FLAGS, "--num_images=2", "--classes=none", "--output=out.npz")
    with np.load("out.npz") as file:
        assert list(file["labels"]) == [-1, -1]


@pytest.mark.parametrize(("output", "store"), [("o", PngFolder), ("o.npz", NpzStream)])
def test_an_interrupted_run_goes_on(command, succeed, monkeypatch, output, store):
    """The random seed is taken up again, and no image is made twice."""
    flags = ("generate", "--preset=digits16", "--steps=2", "--batch_size=4")
    flags = (*flags, "--classes=2,6", "--num_images=10", f"--output={output}")
    made = []
    make = numbered_images.NumberedImages.make_batch

    def recorded(self, prepared):
        made.extend(prepared[0])
        return make(self, prepared)

    def interrupted(self, prepared):
        if len(made) == 4:
            raise KeyboardInterrupt
        return recorded(self, prepared)

    with monkeypatch.context() as patch:
        patch.setattr(numbered_images.NumberedImages, "make_batch", interrupted)
        assert command(*flags)[0] == 130

    monkeypatch.setattr(numbered_images.NumberedImages, "make_batch", recorded)
    assert "4 of 10 images are there" in succeed(*flags)
    assert made == list(range(10))


def test_other_settings_are_refused(command, succeed):
    flags = (*FLAGS, "--num_images=4", "--output=out")
    succeed(*flags, "--numbers=0")
    status, _, errors = command(*flags, "--guidance_scale=2", "--classes=1")
    assert status == 1
    assert "classes was 'all', is ['1']; guidance_scale was [1.2], is [2.0]" in errors
    status, _, errors = command(*flags, "--seed=4")
    assert "seed was 3, is 4" in errors


def test_a_run_goes_on_with_the_classes_that_it_began_with(succeed, tmp_path):
    """As of a version whose default was the null class."""
    flags = (*FLAGS, "--output=out")
    succeed(*flags, "--num_images=3", "--classes=none", "--numbers=0")
    assert "1 of 3 images are there" in succeed(*flags)
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


def test_folders_of_others_are_left_alone(command, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.png").write_text("mine")
    status, _, errors = command(*FLAGS, "--output=out")
    assert status == 1
    assert "The folder must be empty" in errors
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.png"]


@pytest.mark.parametrize("flag", ["--steps=1,2", "--seeds=1,2", "--show_steps"])
def test_one_way_of_generation_only(command, tmp_path, flag):
    status, _, errors = command(*FLAGS, flag, "--output=out")
    assert status == 2
    assert "give --output a name that ends in .png" in errors
    assert not list(tmp_path.iterdir())


def test_damaged_settings(command, succeed, tmp_path):
    succeed(*FLAGS, "--num_images=2", "--output=out")
    for text in ("{", "[]", '{"flags": 3}'):
        (tmp_path / "out" / "settings.json").write_text(text)
        status, _, errors = command(*FLAGS, "--num_images=2", "--output=out")
        assert status == 1
        assert "settings.json must hold the settings of a run" in errors
