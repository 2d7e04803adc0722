"""Grids of images, pixel by pixel."""

import numpy as np
import PIL.Image
import pytest

from keras_sphere.visualization import image_grid, save_image

pytestmark = pytest.mark.any_backend


def test_places_of_the_images():
    images = np.arange(5, dtype="uint8").reshape(5, 1, 1, 1).repeat(2, 1).repeat(3, 2)
    grid = image_grid(images, columns=3)
    assert grid.shape == (7, 13, 1)
    assert grid.dtype == np.uint8
    for index in range(5):
        top, left = 1 + index // 3 * 3, 1 + index % 3 * 4
        assert np.all(grid[top : top + 2, left : left + 3] == index)
    assert np.count_nonzero(grid != 255) == 5 * 2 * 3


def test_floats_are_rescaled_and_clipped():
    values = np.array([-1.5, -1.0, 0.0, 1.0, 3.0]).reshape(5, 1, 1, 1)
    grid = image_grid(values, columns=5)
    np.testing.assert_array_equal(grid[1, 1:11:2, 0], [0, 0, 128, 255, 255])


def test_fewer_images_than_columns_and_color():
    assert image_grid(np.zeros((2, 4, 4, 3)), columns=10).shape == (6, 11, 3)


@pytest.mark.parametrize(("count", "rows", "columns"), [(5, 2, 3), (80, 10, 8)])
def test_columns_by_default(count, rows, columns):
    grid = image_grid(np.zeros((count, 4, 4, 3)))
    assert grid.shape == (5 * rows + 1, 5 * columns + 1, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_saved_images_come_back(tmp_path, channels):
    array = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype="uint8")
    path = tmp_path / "new_folder" / "image.png"
    save_image(path, array)
    loaded = np.asarray(PIL.Image.open(path)).reshape(array.shape)
    np.testing.assert_array_equal(loaded, array)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("images", "columns", "message"),
    [
        (np.zeros((4, 4, 1)), 2, "`images` must have the shape"),
        (np.zeros((2, 4, 4, 2)), 2, "`images` must have the shape"),
        (np.zeros((0, 4, 4, 1)), 2, "`images` must have the shape"),
        (np.full((2, 4, 4, 1), np.nan), 2, "`images` must be finite"),
        (np.zeros((2, 4, 4, 1)), 0, "`columns` must be"),
    ],
)
def test_errors(images, columns, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        image_grid(images, columns)


@pytest.mark.parametrize("shape", [(4,), (4, 4, 2), (1, 4, 4, 3), (0, 4)])
def test_save_errors(tmp_path, shape):
    with pytest.raises(ValueError, match=r"`array` must have the shape.*Received: "):
        save_image(tmp_path / "image.png", np.zeros(shape))
    assert not list(tmp_path.iterdir())
