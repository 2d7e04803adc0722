"""Drawn shapes, and what is read of them."""

import pathlib
import sys

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))

import drawn_shapes

pytestmark = pytest.mark.any_backend
SIZE = (32, 32)


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    drawn_shapes.write_drawings(folder, 90, seed=3)
    return folder


def test_every_drawing_is_read_right(drawings):
    files = sorted(drawings.rglob("*.png"))
    assert len(files) == 90
    for file in files:
        with Image.open(file) as image:
            assert image.size == (48, 48)
            read = drawn_shapes.read_drawing(np.asarray(image.resize(SIZE)))
        assert read == (file.parent.name, file.stem.split("-")[1])


def test_what_is_no_shape_is_not_taken_for_one():
    paper = np.full((32, 32, 3), drawn_shapes.PAPER, "uint8")
    assert drawn_shapes.read_drawing(paper) == (None, None)
    bar, mud = paper.copy(), paper.copy()
    bar[8:12, 2:30] = drawn_shapes.COLORS["red"]
    assert drawn_shapes.read_drawing(bar) == (None, "red")
    mud[8:24, 8:24] = (120, 120, 120)
    assert drawn_shapes.read_drawing(mud) == ("square", None)


def test_summary():
    square = np.full((32, 32, 3), drawn_shapes.PAPER, "uint8")
    square[8:24, 8:24] = drawn_shapes.COLORS["blue"]
    line = drawn_shapes.summarize(np.stack([square] * 4), np.array([0, 1, 1, 1]))
    assert line == (
        "4 images: shape asked for 75.0%, a color of three 100.0% (0 red, 0 green, 4 "
        "blue), both 75.0%"
    )
