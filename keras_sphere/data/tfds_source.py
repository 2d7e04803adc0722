"""TensorFlow Datasets, read without TensorFlow."""

import hashlib
import importlib.util
import io
import logging
import os
import pathlib

import numpy as np

from keras_sphere.data.downloads import (
    DataNotFoundError,
    announce_download,
)
from keras_sphere.data.image_decoding import decode_image, naming_the_image
from keras_sphere.data.vectors import OptionalVectors
from keras_sphere.optional_imports import import_optional
from keras_sphere.readable import readable_size

logger = logging.getLogger("keras_sphere")

PACKAGES = (
    ("tensorflow_datasets", "Reading TFDS", "train"),
    ("array_record", "Reading TFDS", "train"),
)
FILE_FORMAT = "array_record"  # of TFDS' formats the one with random access
READABLE_FORMATS = (FILE_FORMAT, "parquet")


class TFDSSource(OptionalVectors):
    """A split of a prepared dataset as a source of an `ImageDataset`.

    Its labels lie with the images, so they are read with them.

    Args:
        builder: `tfds.core.DatasetBuilder` of a prepared dataset.
        split: String.
        indices: Integer array, or `None` for all images.
    """

    def __init__(self, builder, split, indices=None):
        tfds = import_optional(*PACKAGES[0])
        self._builder = builder
        self._split = split
        self._indices = indices
        self._records = builder.as_data_source(
            split=split, decoders={"image": tfds.decode.SkipDecoding()}
        )
        features = builder.info.features
        self._has_labels = "label" in features and hasattr(features["label"], "names")
        self.class_names = tuple(features["label"].names) if self._has_labels else ()
        self.num_channels = 1 if features["image"].shape[-1] == 1 else 3
        self.location = str(builder.data_dir)

    def __len__(self):
        return len(self._records if self._indices is None else self._indices)

    def subset(self, indices):
        """A source of some of the images."""
        chosen = indices if self._indices is None else self._indices[indices]
        subset = TFDSSource(self._builder, self._split, chosen)
        return self._give_vectors(subset, indices)

    def checksum(self):
        """Hexadecimal digits that tell these images from others of TFDS."""
        digest = hashlib.sha256(
            f"{self._builder.info.full_name} {self._split}".encode()
        )
        if self._indices is not None:
            digest.update(np.ascontiguousarray(self._indices, "int64"))
        return digest.hexdigest()

    def path(self, index):
        """What an image is called in messages."""
        return f"{self.location}, {self._split}[{self._record(index)}]"

    def example(self, index, smallest_side, exact):
        """A `PIL.Image.Image`, its label or `None`, and what was converted.

        Raises:
            UnreadableImageError: If the image cannot be read.
        """
        with naming_the_image(self.path(index)):
            record = self._records[self._record(index)]
            image, conversions = decode_image(
                io.BytesIO(record["image"]), smallest_side, exact
            )
        return image, record["label"] if self._has_labels else None, conversions

    def _record(self, index):
        return int(index if self._indices is None else self._indices[index])


def tfds_source(name, split, data_dir, download):
    """Finds a dataset of TFDS on the disk, or downloads and prepares it.

    Args:
        name: String. TFDS' name, such as `"imagenet_resized/64x64"`.
        split: String.
        data_dir: String, path or `None` for TFDS' own folder.
        download: Boolean. Whether it may be downloaded and prepared.

    Returns:
        `TFDSSource`.

    Raises:
        ValueError: If TFDS has no such dataset or split, or it has no images.
        DataNotFoundError: If it is not there and cannot be downloaded.
        ImportError: If a package is missing: TFDS, or TensorFlow to prepare it.
    """
    tfds, _ = (import_optional(*package) for package in PACKAGES)
    data_dir = None if data_dir is None else os.path.expanduser(data_dir)
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        if not builder.is_prepared():
            builder = tfds.builder(name, data_dir=data_dir, file_format=FILE_FORMAT)
    except tfds.core.registered.DatasetNotFoundError as error:
        raise ValueError(
            f"TensorFlow Datasets has no dataset of that name. Received: name={name!r}"
        ) from error
    if "image" not in builder.info.features:
        raise ValueError(
            f"The dataset must have the feature 'image'. Received: name={name!r}, "
            f"with the features {list(builder.info.features)}"
        )
    if not builder.is_prepared():
        _prepare(builder, download)
    _check_prepared(builder, split)
    return TFDSSource(builder, split)


def _prepare(builder, download):
    """Writes a dataset in the format that can be read, from a download."""
    name, place = builder.info.full_name, str(builder.data_dir)
    if download:
        _check_tensorflow(builder)
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        folder = pathlib.Path(builder.data_dir_root) / "downloads" / "manual"
        _check_manual_files(builder, folder, download)
        logger.warning("Preparing %s from %s in %s.", name, folder, place)
    else:
        urls = _urls(builder)
        num_bytes = sum(info.size for info in urls.values())
        announce_download(name, place, list(urls), num_bytes, download)
    try:
        builder.download_and_prepare()
    except Exception as error:  # of TFDS, a server or the disk
        raise DataNotFoundError(
            f"{name} could not be downloaded and prepared: {error}. "
            f"Received: data_dir={place!r}"
        ) from error


def _check_manual_files(builder, folder, download):
    """Raises a `DataNotFoundError` unless there are files that may be prepared."""
    missing = f"{builder.info.full_name} is not in {builder.data_dir}"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if not files:
        raise DataNotFoundError(
            f"{missing}, and its publisher wants it downloaded by hand: put the files "
            f"into {folder}. TFDS says: "
            f"{' '.join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())} "
            f"Received: name={builder.name!r}"
        )
    if not download:
        size = readable_size(
            sum(file.stat().st_size for file in files if file.is_file())
        )
        raise DataNotFoundError(
            f"{missing}. With `download=True` it would be prepared there from the "
            f"files in {folder}: {', '.join(file.name for file in files)} ({size}). "
            "Received: download=False"
        )


def _check_tensorflow(builder):
    """Raises an `ImportError` if what TFDS needs to prepare data is not installed."""
    if importlib.util.find_spec("tensorflow") is None:
        raise ImportError(
            f"Preparing {builder.info.full_name} needs TensorFlow once, which is not "
            "installed; reading it does not. Install it with `pip install "
            "tensorflow-cpu`, or prepare the data on another machine and copy it to "
            f"{builder.data_dir}. Received: name={builder.name!r}"
        )


def _urls(builder):
    """Dict of the addresses a dataset comes from; TFDS lists those of all configs."""
    urls = builder.url_infos or {}
    if builder.name == "imagenet_resized":
        side = builder.builder_config.name.split("x")[0]
        urls = {url: info for url, info in urls.items() if f"Imagenet{side}_" in url}
    return urls


def _check_prepared(builder, split):
    """Raises a `ValueError` unless the dataset can be read and has the split."""
    formats = {found.value for found in builder.info.available_file_formats()}
    if not formats & set(READABLE_FORMATS):
        raise ValueError(
            f"{builder.info.full_name} was prepared in a format without random access. "
            f"Convert it: `tfds convert_format --dataset_dir={builder.data_dir} "
            f"--out_file_format={FILE_FORMAT}`. Received: file format {sorted(formats)}"
        )
    known = list(builder.info.splits)
    if not set(split.split("+")) <= {*known, "all"}:
        raise ValueError(
            f"{builder.info.full_name} has the splits {known}, and 'all'. "
            f"Received: split={split!r}"
        )
