"""A first look at images, before any of them is loaded: how many, and how large."""

import dataclasses
import os

import numpy as np

from keras_sphere.data.image_decoding import UnreadableImageError
from keras_sphere.data.named_sources import (
    DEFAULT_IMAGE_SIZES,
    GRAY,
    KNOWN_COUNTS,
    held_out_split,
    is_name,
    named_source,
)
from keras_sphere.data.path_source import path_source
from keras_sphere.data.read_report import ReadReport
from keras_sphere.data.splits import parse_split, size_of_part

MOST_HEADERS, MOST_PIXELS = 256, 64
SMALL_SIDE = 16  # gray images are told from colored ones at this size
GRAY_TOLERANCE = 2  # of 255: JPEG rounds
COMPUTED = ("digits", "fake")


@dataclasses.dataclass(frozen=True)
class Survey:
    """What a first look found.

    Args:
        name: String. Name or path of the data.
        num_images: Integer.
        num_classes: Integer, 0 without classes.
        class_names: Tuple of strings, or `None` if they are not known.
        sides: Sorted integer array: the shorter sides, in pixels, of the images that
            were looked at.
        num_channels: Integer. 1 if all that were looked at are gray, else 3.
        has_held_out: Boolean. Whether there is a split that is not trained on.
    """

    name: str
    num_images: int
    num_classes: int
    class_names: tuple[str, ...] | None
    sides: np.ndarray
    num_channels: int
    has_held_out: bool


def survey(name_or_path, split="train", data_dir=None):
    """Looks at the names of the files of a path, and into some of them.

    Args:
        name_or_path: As for `load`. Of a dataset with a name nothing is read, or
            downloaded.
        split: String, as for `load`.
        data_dir: String, path or `None`, as for `load`.

    Returns:
        `Survey`, or `None` for a name of which nothing is known.

    Raises:
        ValueError: If there are no images at the path.
        UnreadableImageError: If none of those that were looked at can be read.
        ImportError: If Pillow is not installed.
    """
    name = os.fspath(name_or_path)
    base, part = parse_split(split)
    if name in COMPUTED:
        side = DEFAULT_IMAGE_SIZES[name]
        source = named_source(
            name, base, side, data_dir, False, ReadReport(is_quiet=True)
        )
        return Survey(
            name,
            size_of_part(len(source), part),
            len(source.class_names),
            source.class_names,
            np.array([side]),
            source.num_channels,
            has_held_out=base == "train",
        )
    if is_name(name):
        return _known(name, base, part)
    source = path_source(name, base, data_dir, ReadReport(is_quiet=True))
    sides, is_gray = _look(source)
    return Survey(
        name,
        size_of_part(len(source), part),
        len(source.class_names),
        source.class_names or None,
        sides,
        1 if is_gray else 3,
        _has_split(name, held_out_split(name), data_dir),
    )


def _known(name, base, part):
    if name not in KNOWN_COUNTS or base != "train":
        return None
    num_images, num_classes = KNOWN_COUNTS[name]
    return Survey(
        name,
        size_of_part(num_images, part),
        num_classes,
        None,
        np.array([DEFAULT_IMAGE_SIZES[name]]),
        1 if name in GRAY else 3,
        has_held_out=True,
    )


def _has_split(path, split, data_dir):
    try:
        path_source(path, split, data_dir, ReadReport(is_quiet=True))
    except ValueError:
        return False
    return True


def _look(source):
    """The shorter sides of images spread over a source, and whether all are gray."""
    sides, are_gray, last_error = [], [], None
    for place, index in enumerate(_spread(len(source), MOST_HEADERS)):
        try:
            sides.append(min(source.size(index)))
            if place % (MOST_HEADERS // MOST_PIXELS) == 0:
                are_gray.append(_is_gray(source.example(index, SMALL_SIDE, False)[0]))
        except UnreadableImageError as error:
            last_error = error
    if not sides:
        raise last_error
    return np.sort(sides), bool(are_gray) and all(are_gray)


def _spread(count, most):
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def _is_gray(image):
    pixels = np.asarray(image.resize((SMALL_SIDE, SMALL_SIDE)), "int16")
    return np.ptp(pixels, axis=-1).max() <= GRAY_TOLERANCE
