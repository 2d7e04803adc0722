"""What is wrong with a dataset that is asked for, said before Keras is imported."""

import os

from keras_sphere.data.image_decoding import PACKAGE
from keras_sphere.data.named_sources import (
    check_name_or_path,
    check_named_source,
    is_name,
)
from keras_sphere.data.path_source import path_source
from keras_sphere.data.read_report import ReadReport
from keras_sphere.data.splits import parse_split, part_of
from keras_sphere.optional_imports import check_installed


def check_source(name_or_path, split="train", data_dir=None):
    """Raises what `load` would, as far as it is known without reading an image.

    Nothing is downloaded. The files at a path are listed.

    Args:
        name_or_path: As for `load`.
        split: String.
        data_dir: String, path or `None`.

    Raises:
        ValueError: If there is no such data or no such split of it.
        DataNotFoundError: If the data is not there and cannot be downloaded.
        ImportError: If a package that reads this data is not installed.
    """
    base_split, part = parse_split(split)
    name = os.fspath(name_or_path)
    check_name_or_path(name)
    if is_name(name):
        check_named_source(name, base_split, data_dir)
        return
    check_installed(*PACKAGE)
    part_of(path_source(name, base_split, data_dir, ReadReport(strict=False)), part)
