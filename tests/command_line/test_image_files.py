"""Images of any common format, made to fit."""

import numpy as np
import PIL.Image
import pytest

from keras_sphere.command_line.image_files import read_images

pytestmark = pytest.mark.any_backend


def save(path, array, mode=None, **options):
    PIL.Image.fromarray(np.asarray(array, "uint8"), mode=None).convert(
        mode or ("L" if np.ndim(array) == 2 else "RGB")
    ).save(path, **options)
    return path


@pytest.fixture
def gray():
    return np.arange(64, dtype="uint8").reshape(8, 8) * 4


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "webp", "ppm", "jpg"])
def test_formats(tmp_path, gray, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"image.{suffix}", gray, **options)
    images = read_images([path, str(path)], 8, 1)
    assert images.shape == (2, 8, 8, 1)
    assert images.dtype == np.uint8
    tolerance = 12 if suffix == "jpg" else 0
    np.testing.assert_allclose(images[1, ..., 0], gray, atol=tolerance)


def test_gray_and_color(tmp_path, gray):
    path = save(tmp_path / "gray.png", gray)
    np.testing.assert_array_equal(read_images([path], 8, 3)[0, ..., 2], gray)
    red = np.zeros((8, 8, 3))
    red[..., 0] = 255
    path = save(tmp_path / "red.png", red)
    assert np.all(read_images([path], 8, 1) == 76)


def test_sixteen_bits_palettes_and_transparency(tmp_path, gray):
    path = tmp_path / "deep.png"
    PIL.Image.fromarray(gray.astype("uint16") * 257).save(path)
    np.testing.assert_array_equal(read_images([path], 8, 1)[0, ..., 0], gray)
    path = save(tmp_path / "palette.png", gray, mode="P")
    np.testing.assert_array_equal(read_images([path], 8, 1)[0, ..., 0], gray)
    clear = np.zeros((8, 8, 4), "uint8")
    clear[:4, :, 3] = 255
    PIL.Image.fromarray(clear).save(tmp_path / "clear.png")
    image = read_images([tmp_path / "clear.png"], 8, 3)[0]
    assert np.all(image[:4] == 0)
    assert np.all(image[4:] == 255)


@pytest.mark.parametrize(
    ("fit", "edges"),
    [("crop", [120, 120]), ("stretch", [60, 240]), ("pad", [60, 240])],
)
def test_other_sizes(tmp_path, capsys, fit, edges):
    """Three bands beside each other, of levels 60, 120 and 240."""
    levels = np.repeat([60, 120, 240], 8)
    path = save(tmp_path / "wide.png", np.tile(levels, (8, 1)))
    image = read_images([path], 8, 1, fit)[0, ..., 0]
    assert f"24 x 8 pixels, made 8 x 8 (--fit={fit})" in capsys.readouterr().out
    assert image.shape == (8, 8)
    np.testing.assert_allclose(image[4, [0, -1]], edges, atol=16)
    assert np.all(image[0] == 0) == (fit == "pad")


def test_turned_photographs(tmp_path, gray):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "turned.png", gray, exif=exif)
    image = read_images([path], 8, 1)[0, ..., 0]
    np.testing.assert_array_equal(image, np.rot90(gray, -1))


def test_wrong_files_are_named(tmp_path, gray):
    good = save(tmp_path / "good.png", gray)
    text, cut = tmp_path / "text.png", tmp_path / "cut.png"
    text.write_text("no image")
    noise = np.random.default_rng(0).integers(0, 256, (99, 99))
    cut.write_bytes(save(tmp_path / "whole.png", noise).read_bytes()[:2000])
    large = save(tmp_path / "large.png", np.zeros((9, 8)))
    paths = [good, text, cut, tmp_path / "none.png", tmp_path, large]
    with pytest.raises(ValueError, match="Not images that can be used: ") as caught:
        read_images(paths, 8, 1, "exact")
    message = str(caught.value)
    assert str(good) not in message
    for path in paths[1:]:
        assert f"{path} (" in message
    assert "8 x 9 pixels instead of 8 x 8" in message


def test_bombs_are_refused(tmp_path):
    path = tmp_path / "bomb.png"
    PIL.Image.new("1", (10_000, 7_000)).save(path)
    with pytest.raises(ValueError, match="10000 x 7000 pixels are too many"):
        read_images([path], 8, 1)
