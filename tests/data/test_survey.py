"""A first look at images: how many, how large, gray or colored."""

import numpy as np
import pytest
from PIL import Image

from keras_sphere.data.image_decoding import UnreadableImageError
from keras_sphere.data.survey import survey
from tests.data.image_files import write

pytestmark = pytest.mark.any_backend


def write_images(folder, sizes, mode="RGB", name="image"):
    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(0)
    for index, (width, height) in enumerate(sizes):
        shape = (height, width) if mode == "L" else (height, width, 3)
        pixels = draws.integers(0, 256, shape, "uint8")
        Image.fromarray(pixels).save(folder / f"{name}{index}.png")
    return folder


def test_classes_sizes_and_colors(tmp_path):
    write_images(tmp_path / "cat", [(40, 30), (90, 70)])
    write_images(tmp_path / "dog", [(64, 200)], mode="L")
    found = survey(tmp_path)
    assert (found.num_images, found.num_classes) == (3, 2)
    assert found.class_names == ("cat", "dog")
    np.testing.assert_array_equal(found.sides, [30, 64, 70])
    assert found.num_channels == 3
    assert not found.has_held_out
    assert survey(tmp_path, "train[:2]").num_images == 2


def test_gray_images_with_a_split_and_a_broken_one(tmp_path):
    write_images(tmp_path / "train", [(32, 32)] * 3, mode="L")
    write_images(tmp_path / "test", [(32, 32)], mode="L")
    write(tmp_path / "train" / "image1.png", b"no image")
    found = survey(tmp_path)
    assert (found.num_images, found.num_classes, found.num_channels) == (3, 0, 1)
    assert len(found.sides) == 2
    assert found.has_held_out


def test_names(tmp_path):
    known = survey("cifar10", "train[:10%]", tmp_path)
    assert (known.num_images, known.num_classes) == (5000, 10)
    digits = survey("digits")
    assert (digits.num_images, digits.num_channels) == (1500, 1)
    assert survey("tfds:unheard_of") is None


def test_nothing_that_can_be_read(tmp_path):
    with pytest.raises(ValueError, match="no images at this path"):
        survey(tmp_path)
    write(tmp_path / "a.png", b"no image")
    with pytest.raises(UnreadableImageError, match=r"a\.png"):
        survey(tmp_path)
