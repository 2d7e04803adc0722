"""Datasets of TFDS, read from its own files without TensorFlow."""

import itertools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from keras_sphere import data
from keras_sphere.data import tfds_source
from tests.data.image_files import picture
from tests.data.tiny_tfds import NAME, NUM_IMAGES, new_builder

pytestmark = pytest.mark.any_backend


ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    new_builder(folder).download_and_prepare()
    return folder


def load(data_dir, name=NAME, **options):
    options = {"image_size": 20, "batch_size": 3, "download": False, **options}
    return data.load(name, data_dir=data_dir, **options)


def test_images_and_labels(data_dir):
    dataset = load(data_dir)
    what = dataset.description
    assert (what.num_images, what.num_classes, what.num_channels) == (7, 102, 3)
    assert what.class_names[0] == "pink primrose"
    assert what.source == str(data_dir / NAME / "2.1.1")
    images, labels = dataset.examples(range(7))
    assert sorted(labels) == list(range(0, 70, 10))
    for image, label in zip(images.astype(int), labels, strict=True):
        expected = picture(30, 20, seed=label // 10)[:, 5:25]
        assert np.abs(image - expected).mean() < 4
    taken = list(itertools.islice(dataset.starting_at(), 4))
    assert sorted(np.concatenate([labels for _, labels in taken[:2]])) != list(range(6))
    for first, again in zip(taken[3], next(dataset.starting_at(1, 1)), strict=True):
        np.testing.assert_array_equal(first, again)


def test_splits_and_parts(data_dir):
    assert load(data_dir, split="train+test").description.num_images == 10
    splits = ("train[:3]", "train[3:]")
    parts = [load(data_dir, split=split, batch_size=1) for split in splits]
    labels = [
        set(part.examples(range(part.description.num_images))[1]) for part in parts
    ]
    assert [len(part) for part in labels] == [3, 4]
    assert labels[0] | labels[1] == set(range(0, 70, 10))
    source = load(data_dir)._source
    twice = source.subset(np.arange(7)[::-1]).subset(np.array([0, 1]))
    assert twice.path(1) == source.path(5)
    with pytest.raises(ValueError, match=r"splits \['train', 'test'\].*split='val'"):
        load(data_dir, split="val")


def test_a_damaged_record_is_replaced_and_told(data_dir):
    dataset = load(data_dir, split="test")
    assert len(dataset) == 1
    _, labels = dataset[0]
    assert len(labels) == NUM_IMAGES["test"]
    assert 10 not in labels
    assert f"{data_dir / NAME / '2.1.1'}, test[" in dataset.report
    assert "unreadable in use, another in its place: 1" in dataset.report
    with pytest.raises(data.UnreadableImageError, match=r"test\[\d\]"):
        load(data_dir, split="test", strict=True)[0]


def test_by_the_name_of_tfds(data_dir):
    dataset = load(data_dir, "tfds:oxford_flowers102", num_channels=1)
    assert dataset[0][0].shape == (3, 20, 20, 1)
    with pytest.raises(ValueError, match=r"no dataset of that name.*'no_such_set'"):
        load(data_dir, "tfds:no_such_set")


def test_checksum_is_that_of_split_and_part(data_dir):
    whole, same, part = (
        load(data_dir, split=split).checksum()
        for split in ("train", "train", "train[:4]")
    )
    assert whole == same != part


def test_tensorflow_is_not_imported(data_dir):
    program = """if True:
        import sys, keras_sphere.data
        name, data_dir = sys.argv[1:]
        dataset = keras_sphere.data.load(name, data_dir=data_dir, batch_size=2)
        images, labels = next(dataset.starting_at())
        print(images.shape, "tensorflow" in sys.modules)
    """
    result = subprocess.run(
        [sys.executable, "-c", program, NAME, str(data_dir)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout == "(2, 256, 256, 3) False\n", result.stderr


def test_missing_data_says_what_it_would_take(tmp_path):
    with pytest.raises(
        data.DataNotFoundError,
        match=r"oxford_flowers102/2\.1\.1 is not in .*344\.9 MB from www\.robots\.ox",
    ):
        load(tmp_path)
    with pytest.raises(data.DataNotFoundError, match=r"14\.09 GB from www\.image-net"):
        load(tmp_path, "imagenet64")
    with pytest.raises(
        data.DataNotFoundError,
        match=r"put the files into .*manual.*ILSVRC2012_img_train",
    ):
        load(tmp_path, "imagenet")


@pytest.fixture
def with_archives(tmp_path):
    """A `data_dir` with an archive of ImageNet that was fetched by hand."""
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    (manual / "ILSVRC2012_img_train.tar").write_bytes(b"no archive" * 300_000)
    return tmp_path


def test_without_permission_archives_are_not_prepared(with_archives):
    with pytest.raises(
        data.DataNotFoundError,
        match=r"imagenet2012/5\.1\.0 is not in .*`download=True` it would be prepared.*"
        r"manual: ILSVRC2012_img_train\.tar \(3\.0 MB\).*download=False",
    ):
        load(with_archives, "imagenet")
    assert [path.name for path in with_archives.iterdir()] == ["downloads"]


def test_only_preparing_needs_tensorflow(data_dir, with_archives, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert len(load(data_dir, download=True)) == 2
    for name in ("oxford_flowers102", "imagenet64", "imagenet"):
        with pytest.raises(
            ImportError,
            match=r"needs TensorFlow once.*reading it does not.*install tensorflow-cpu",
        ):
            load(with_archives, name, download=True)
        with pytest.raises(data.DataNotFoundError, match="download=False"):
            load(with_archives, name)


def test_a_failed_preparation_is_one_error(with_archives):
    pytest.importorskip("tensorflow")
    with pytest.raises(data.DataNotFoundError, match="could not be downloaded and"):
        load(with_archives, "imagenet", download=True)


def test_another_format_says_how_to_convert(tmp_path):
    pytest.importorskip("tensorflow")
    new_builder(tmp_path, "tfrecord").download_and_prepare()
    with pytest.raises(ValueError, match=r"tfds convert_format.*\['tfrecord'\]"):
        load(tmp_path)


def test_every_name_of_ours_is_known_to_tfds(tmp_path):
    import tensorflow_datasets as tfds

    from keras_sphere.data.named_sources import TFDS_NAMES

    for name in TFDS_NAMES.values():
        builder = tfds.builder(name, data_dir=tmp_path)
        assert {"image", "label"} <= set(builder.info.features)
        assert tfds_source._urls(builder)
