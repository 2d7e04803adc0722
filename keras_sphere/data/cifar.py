"""CIFAR-10 and CIFAR-100, from the archives that `keras.datasets` keeps."""

import dataclasses
import pickle
import tarfile

import numpy as np

from keras_sphere.data.array_source import ArraySource
from keras_sphere.data.downloads import (
    announce_download,
    fetch,
    keras_cache,
)
from keras_sphere.files.integrity import sha256

CIFAR10_CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"
CIFAR100_CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach
couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster
house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road
rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
streetcar sunflower sweet_pepper table tank telephone television tiger tractor train
trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CLASS_NAMES = {
    "cifar10": tuple(CIFAR10_CLASSES.split()),
    "cifar100": tuple(CIFAR100_CLASSES.split()),
}
URL = "https://www.cs.toronto.edu/~kriz/"


@dataclasses.dataclass(frozen=True)
class CifarArchive:
    """An archive as `keras.datasets` downloads it.

    Args:
        cached: String. Its name in Keras' cache.
        file: String. Its name on the server.
        num_bytes: Integer.
        sha256: String. SHA-256 of its content in hexadecimal digits.
        batches: Dict of split -> tuple of the names of its files in the archive.
        label_key: Bytes. What the labels are called in these files.
    """

    cached: str
    file: str
    num_bytes: int
    sha256: str
    batches: dict[str, tuple[str, ...]]
    label_key: bytes


ARCHIVES = {
    "cifar10": CifarArchive(
        cached="cifar-10-batches-py-target_archive",
        file="cifar-10-python.tar.gz",
        num_bytes=170_498_071,
        sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        batches={
            "train": tuple(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)),
            "test": ("cifar-10-batches-py/test_batch",),
        },
        label_key=b"labels",
    ),
    "cifar100": CifarArchive(
        cached="cifar-100-python-target_archive",
        file="cifar-100-python.tar.gz",
        num_bytes=169_001_437,
        sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        batches={
            "train": ("cifar-100-python/train",),
            "test": ("cifar-100-python/test",),
        },
        label_key=b"fine_labels",
    ),
}


def cifar_source(name, split, data_dir, download):
    """Reads CIFAR-10 or CIFAR-100 from Keras' cache, or downloads it there.

    Args:
        name: `"cifar10"` or `"cifar100"`.
        split: `"train"` (50,000 images) or `"test"` (10,000).
        data_dir: Must be `None`.
        download: Boolean. Whether it may be downloaded.

    Returns:
        `ArraySource`.

    Raises:
        ValueError: If there is no such split, or `data_dir` is given.
        DataNotFoundError: If it is missing or damaged and cannot be downloaded.
    """
    check_arguments(name, split, data_dir)
    archive, cache = ARCHIVES[name], keras_cache()
    path = cache / archive.cached
    if not (path.exists() and sha256(path) == archive.sha256):
        url = URL + archive.file
        state = "is damaged in" if path.exists() else "is not in"
        announce_download(name, cache, [url], archive.num_bytes, download, state)
        path = fetch(name, archive.cached, url, cache, archive.sha256)
    images, labels = _read(path, archive, split)
    return ArraySource(images, labels, CLASS_NAMES[name], f"{cache}/{name}")


def check_arguments(name, split, data_dir):
    """Raises a `ValueError` for a split that is not there, or a `data_dir`."""
    if split not in ("train", "test"):
        raise ValueError(
            f"{name} has the splits 'train' and 'test'. Received: split={split!r}"
        )
    if data_dir is not None:
        raise ValueError(
            f"{name} lies in Keras' cache, which the variable KERAS_HOME moves; "
            f"`data_dir` does not apply. Received: data_dir={str(data_dir)!r}"
        )


def _read(path, archive, split):
    """Images and labels of a split, from an archive whose checksum is right.

    `keras.datasets` does not read them: it downloads, unasked, if its folder, fixed
    at its import, is another one or read-only.
    """
    images, labels = [], []
    with tarfile.open(path) as files:
        for batch in archive.batches[split]:
            content = pickle.load(files.extractfile(batch), encoding="bytes")
            images.append(content[b"data"].reshape(-1, 3, 32, 32))
            labels += content[archive.label_key]
    images = np.concatenate(images).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels)
