"""Labelled panels, pixel by pixel."""

import numpy as np
import pytest

from keras_sphere.visualization import Panel, draw_panels
from keras_sphere.visualization.panels import GAP, MARGIN, default_scale

pytestmark = pytest.mark.any_backend


def new_panel(rows=2, columns=3, channels=1, **names):
    levels = np.arange(rows * columns, dtype="uint8").reshape(rows, columns, 1, 1, 1)
    return Panel(np.tile(levels, (1, 1, 4, 4, channels)), **names)


def test_bare_panels_are_the_images():
    picture = draw_panels([[new_panel()], [new_panel()]], bare=True)
    assert picture.shape == (16, 12, 1)
    expected = np.arange(6).reshape(2, 3).repeat(4, 0).repeat(4, 1)
    np.testing.assert_array_equal(picture[:8, :, 0], expected)
    np.testing.assert_array_equal(picture[8:], picture[:8])


def test_gaps_margins_and_scale():
    picture = draw_panels([[new_panel()]], scale=2)
    assert picture.shape == (2 * (8 + GAP) + 2 * MARGIN, 3 * (8 + GAP) + 2 * MARGIN, 1)
    assert np.all(picture[MARGIN : MARGIN + 8, MARGIN : MARGIN + 8] == 0)
    below = MARGIN + 8 + GAP
    assert np.all(picture[below : below + 8, MARGIN : MARGIN + 8] == 3)
    assert np.sum(picture != 255) == 6 * 64


@pytest.mark.parametrize("channels", [1, 3])
def test_names_are_beside_the_images(channels):
    panel = new_panel(
        channels=channels,
        row_names=("a", "row"),
        column_names=("1", "2", "a long name"),
        caption="Caption",
    )
    picture = draw_panels([[panel]])
    plain = draw_panels([[new_panel(channels=channels)]])
    assert picture.shape[-1] == channels
    assert picture.shape[0] > plain.shape[0]
    assert picture.shape[1] > plain.shape[1]
    images = [np.all(picture == level, axis=-1).sum() for level in range(6)]
    assert images == [16] * 6
    top = picture[: MARGIN + 14]
    assert np.any(top < 200)
    left = picture[:, : MARGIN + 3]
    assert np.any(left < 200)


def test_panels_beside_each_other_do_not_overlap():
    wide = new_panel(columns=1, caption="a caption wider than its images")
    picture = draw_panels([[wide, new_panel()], [new_panel()]])
    for level in range(6):
        count = 3 - (level > 1)
        assert np.sum(picture == level) == 16 * count


def test_default_scale():
    assert [default_scale(size) for size in (16, 32, 47, 48, 256)] == [3, 2, 2, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((2, 4, 4, 1))}, "`images` must have the shape"),
        ({"images": np.zeros((1, 1, 4, 4, 2))}, "`images` must have the shape"),
        ({"images": np.zeros((1, 0, 4, 4, 1))}, "`images` must have the shape"),
        (
            {"images": np.zeros((1, 2, 4, 4, 1)), "column_names": ["a"]},
            "one name per row and column",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        Panel(**arguments)


def test_scale_error():
    with pytest.raises(ValueError, match="`scale` must be"):
        draw_panels([[new_panel()]], scale=0)
