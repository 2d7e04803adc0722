"""Animations, and texts in the files of pictures."""

import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest

from keras_sphere.visualization import read_image_text, save_animation, save_image

pytestmark = pytest.mark.any_backend

TEXT = {"key": "väl\nue " * 300}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_frames_come_back(tmp_path, suffix, channels):
    levels = np.array([0, 90, 255], "uint8").reshape(3, 1, 1, 1)
    frames = np.tile(levels, (1, 6, 9, channels))
    path = tmp_path / f"movie.{suffix}"
    save_animation(path, frames, milliseconds=70, text=TEXT)
    with PIL.Image.open(path) as movie:
        assert movie.is_animated
        assert movie.info["loop"] == 0
        assert movie.info["duration"] == 70
        read = [np.array(f.convert("RGB")) for f in PIL.ImageSequence.Iterator(movie)]
    np.testing.assert_array_equal(np.stack(read), np.tile(levels, (1, 6, 9, 3)))
    assert read_image_text(path) == TEXT
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_text_of_an_image(tmp_path):
    path = tmp_path / "image.png"
    save_image(path, np.zeros((3, 4), "uint8"), TEXT)
    assert read_image_text(path) == TEXT
    save_image(path, np.zeros((3, 4), "uint8"), {"long": "x" * 70_000, "short": "y"})
    assert read_image_text(path) == {"short": "y"}
    save_image(path, np.zeros((3, 4), "uint8"))
    assert read_image_text(path) == {}


def test_comments_of_other_programs(tmp_path):
    for comment in (b"hello", b"[1]", b'{"a": 1}', b"\xff\xfe", b"[" * 50_000):
        PIL.Image.new("L", (2, 2)).save(tmp_path / "a.gif", comment=comment)
        assert read_image_text(tmp_path / "a.gif") == {}


def test_errors(tmp_path):
    frames = np.zeros((2, 4, 4, 1))
    with pytest.raises(ValueError, match=r"must end in .gif or .png"):
        save_animation(tmp_path / "a.mp4", frames)
    with pytest.raises(ValueError, match="`frames` must have the shape"):
        save_animation(tmp_path / "a.gif", frames[0])
    with pytest.raises(ValueError, match="`milliseconds` must be"):
        save_animation(tmp_path / "a.gif", frames, milliseconds=0)
    with pytest.raises(ValueError, match="Only PNG and GIF files take `text`"):
        save_image(tmp_path / "a.jpg", frames[0], TEXT)
    with pytest.raises(FileNotFoundError):
        read_image_text(tmp_path / "none.png")
    assert not list(tmp_path.iterdir())
