"""Fashion-MNIST and MNIST, from files of their format with a few random images."""

import dataclasses
import gzip
import inspect
import struct

import keras
import numpy as np
import pytest

from keras_sphere import data
from keras_sphere.data import mnist
from keras_sphere.data.mnist import DATASETS, FILES, PARTS, URL
from keras_sphere.files.integrity import sha256

NAMES = tuple(DATASETS)
COUNTS = {"train": 7, "test": 3}


def arrays(split):
    """Images and labels of a split."""
    draws, count = np.random.default_rng(len(split)), COUNTS[split]
    images = draws.integers(0, 256, (count, 28, 28), "uint8")
    return images, draws.integers(0, 10, count).astype("uint8")


def write_array(path, array):
    header = struct.pack(">4B", 0, 0, 8, array.ndim)
    header += struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def write_files(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for split, file in FILES.items():
        for part, array in zip(PARTS, arrays(split), strict=True):
            write_array(folder / file.format(part), array)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of Keras, and no system folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(mnist, "SYSTEM_FOLDER", tmp_path / "system")
    return tmp_path / "keras" / "datasets"


def check(dataset, split, name):
    images, labels = dataset.examples(range(COUNTS[split]))
    expected, expected_labels = arrays(split)
    np.testing.assert_array_equal(images[..., 0], expected)
    np.testing.assert_array_equal(labels, expected_labels)
    assert dataset.description.class_names == DATASETS[name].class_names
    assert images.shape[1:] == (28, 28, 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", FILES)
def test_the_original_files(name, split, cache, tmp_path):
    """In a folder or one below it, in Keras' cache, or where Debian puts them."""
    folder = DATASETS[name].folder
    for place, given in (
        (tmp_path / "mine", tmp_path / "mine"),
        (tmp_path / "all" / folder, tmp_path / "all"),
        (tmp_path / "system" / folder, None),
    ):
        write_files(place)
        dataset = data.load(name, split, data_dir=given, download=False, batch_size=2)
        check(dataset, split, name)
    write_files(cache / folder)
    dataset = data.load(name, split, download=False, batch_size=2)
    check(dataset, split, name)


def test_the_archive_that_keras_keeps(cache, monkeypatch):
    cache.mkdir(parents=True)
    path = cache / "mnist.npz"
    (x_train, y_train), (x_test, y_test) = arrays("train"), arrays("test")
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    known = dataclasses.replace(DATASETS["mnist"], sha256=sha256(path))
    monkeypatch.setitem(DATASETS, "mnist", known)
    for split in FILES:
        dataset = data.load("mnist", split, download=False, batch_size=2)
        check(dataset, split, "mnist")


@pytest.mark.parametrize("name", NAMES)
def test_missing(name, cache, tmp_path):
    size = r"26\.5 MB" if name == "fashion_mnist" else r"11\.5 MB"
    with pytest.raises(
        data.DataNotFoundError,
        match=rf"{name} is not in {cache}.*{size} from storage\.googleapis",
    ):
        data.load(name, download=False)
    with pytest.raises(ValueError, match="splits 'train' and 'test'"):
        data.load(name, split="validation")
    with pytest.raises(
        data.DataNotFoundError, match=r"`data_dir`.*train-images-idx3-ubyte\.gz.*data_"
    ):
        data.load(name, data_dir=tmp_path)


@pytest.mark.parametrize(
    "damage",
    {
        "cut short": lambda content: content[:-9],
        "another type": lambda content: gzip.compress(b"\0\0\x09\x03" + bytes(12)),
        "too few bytes": lambda content: gzip.compress(gzip.decompress(content)[:-1]),
        "no header": lambda content: gzip.compress(b"\0"),
        "no gzip": lambda content: b"an error page",
    }.items(),
    ids=lambda item: item[0],
)
def test_damaged_files(damage, tmp_path):
    folder = write_files(tmp_path)
    path = folder / FILES["train"].format(PARTS[0])
    path.write_bytes(damage[1](path.read_bytes()))
    with pytest.raises(data.DataNotFoundError, match=rf"{path} is damaged.*Received: "):
        data.load("fashion_mnist", data_dir=folder)


def test_labels_for_other_images(tmp_path):
    folder = write_files(tmp_path)
    write_array(folder / FILES["test"].format(PARTS[1]), arrays("train")[1])
    with pytest.raises(data.DataNotFoundError, match="3 images, 7 labels"):
        data.load("fashion_mnist", "test", data_dir=folder)


def test_the_files_are_those_of_keras():
    fashion = inspect.getsource(keras.datasets.fashion_mnist.load_data)
    for part in (URL, *(f.format(p) for f in FILES.values() for p in PARTS)):
        assert part in fashion
    digits = inspect.getsource(keras.datasets.mnist.load_data)
    assert DATASETS["mnist"].sha256 in digits
    assert URL in digits
