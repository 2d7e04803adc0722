"""Fashion-MNIST and MNIST, from their original files or those of `keras.datasets`."""

import dataclasses
import gzip
import math
import pathlib

import numpy as np

from keras_sphere.data.array_source import ArraySource
from keras_sphere.data.downloads import (
    DataNotFoundError,
    announce_download,
    fetch,
    keras_cache,
)

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
SYSTEM_FOLDER = pathlib.Path("/usr/share/datasets")  # of Debian's packages
FASHION_CLASSES = (
    "t_shirt trouser pullover dress coat sandal shirt sneaker bag ankle_boot"
)
FILES = {"train": "train-{}-ubyte.gz", "test": "t10k-{}-ubyte.gz"}
PARTS = ("images-idx3", "labels-idx1")
# Of an array of bytes by its number of dimensions.
MAGIC = {1: 0x801, 3: 0x803}


@dataclasses.dataclass(frozen=True)
class MnistFiles:
    """A dataset in the format of MNIST, as `keras.datasets` downloads it.

    Args:
        folder: String. Its folder, in Keras' cache and in that of the system.
        class_names: Tuple of strings.
        num_bytes: Dict of split -> size of what is downloaded for it.
        archive: String. An `.npz` file of all arrays, which Keras downloads in place of
            the folder's files; "" if it does not.
        sha256: String. SHA-256 of that archive in hexadecimal digits.
    """

    folder: str
    class_names: tuple[str, ...]
    num_bytes: dict[str, int]
    archive: str = ""
    sha256: str = ""


DATASETS = {
    "fashion_mnist": MnistFiles(
        folder="fashion-mnist",
        class_names=tuple(FASHION_CLASSES.split()),
        num_bytes={"train": 26_451_395, "test": 4_427_250},
    ),
    "mnist": MnistFiles(
        folder="mnist",
        class_names=tuple("0123456789"),
        num_bytes=dict.fromkeys(FILES, 11_490_434),
        archive="mnist.npz",
        sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    ),
}


def mnist_source(name, split, data_dir, download):
    """Reads Fashion-MNIST or MNIST, 28 px and gray, or downloads it to Keras' cache.

    The four `-ubyte.gz` files are looked for in `data_dir` or a folder in it named
    after the dataset, else in Keras' cache and where Debian's packages put them.

    Args:
        name: `"fashion_mnist"` or `"mnist"`.
        split: `"train"` (60,000 images) or `"test"` (10,000).
        data_dir: String, path or `None`.
        download: Boolean. Whether it may be downloaded, if no `data_dir` is given.

    Returns:
        `ArraySource`.

    Raises:
        ValueError: If there is no such split.
        DataNotFoundError: If it is missing and cannot be downloaded, or damaged.
    """
    check_split(name, split)
    files = DATASETS[name]
    names = [FILES[split].format(part) for part in PARTS]
    for folder in _folders(files, data_dir):
        if all((folder / file).is_file() for file in names):
            images, labels = (_read_array(folder / file) for file in names)
            return _source(files, images, labels, folder)
    if data_dir is not None:
        raise DataNotFoundError(
            f"`data_dir` must be a folder with {' and '.join(names)}, or hold one "
            f"named {files.folder}. Received: data_dir={str(data_dir)!r}"
        )
    if files.archive:
        (path,) = _fetch(name, [files.archive], keras_cache(), split, download)
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
        return _source(files, images, labels, path)
    folder = keras_cache() / files.folder
    paths = _fetch(name, names, folder, split, download)
    return _source(files, *map(_read_array, paths), folder)


def check_split(name, split):
    """Raises a `ValueError` unless there is such a split."""
    if split not in FILES:
        raise ValueError(
            f"{name} has the splits 'train' and 'test'. Received: split={split!r}"
        )


def _folders(files, data_dir):
    """Where the original files may be."""
    if data_dir is not None:
        given = pathlib.Path(data_dir).expanduser()
        return [given, given / files.folder]
    return [keras_cache() / files.folder, SYSTEM_FOLDER / files.folder]


def _source(files, images, labels, location):
    if len(images) != len(labels):
        raise DataNotFoundError(
            f"{location} is damaged: it must hold a label for each image. Received: "
            f"{len(images)} images, {len(labels)} labels"
        )
    return ArraySource(images[..., None], labels, files.class_names, str(location))


def _read_array(path):
    """The array of a file in MNIST's format: type, sizes, then bytes."""
    try:
        content = gzip.decompress(path.read_bytes())
        num_axes = content[3]
        magic, *shape = np.frombuffer(content, ">u4", 1 + num_axes).tolist()
        if magic != MAGIC[num_axes] or math.prod(shape) != len(content) - 4 - 4 * len(
            shape
        ):
            raise ValueError(f"{len(content)} bytes of an array {shape}")
    except (OSError, EOFError, ValueError, IndexError, KeyError) as error:
        raise DataNotFoundError(
            f"{path} is damaged: it must be a gzip file of MNIST's format. Received: "
            f"{error!r}"
        ) from error
    return np.frombuffer(content, "uint8", offset=4 + 4 * len(shape)).reshape(shape)


def _fetch(name, files, folder, split, download):
    """Paths of files in Keras' cache, downloaded if they are not there."""
    dataset = DATASETS[name]
    if not all((folder / file).is_file() for file in files):
        urls = [URL + file for file in files]
        size = dataset.num_bytes[split]
        announce_download(name, folder, urls, size, download)
    sha256 = dataset.sha256 or None
    return [fetch(name, file, URL + file, folder, sha256) for file in files]
