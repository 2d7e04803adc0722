"""Batches of images: their order, what is in them, and `fit`."""

import itertools

import keras
import numpy as np
import pytest

from keras_sphere import data
from keras_sphere.data.array_source import ArraySource
from keras_sphere.data.image_dataset import ImageDataset
from tests import tiny_models
from tests.data.image_files import encoded, picture, write, write_classes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """15 images of 3 classes, one of which turns out to be cut short."""
    folder = write_classes(tmp_path_factory.mktemp("data") / "animals")
    broken = folder / "dog" / "1.png"
    write(broken, broken.read_bytes()[:-300])
    return folder


def load(folder, **options):
    options = {"image_size": 16, "batch_size": 4, "horizontal_flip": True, **options}
    return data.load(folder, **options)


def take(dataset, count, *start):
    return list(itertools.islice(dataset.starting_at(*start), count))


def assert_same(batches, others):
    for batch, other in itertools.zip_longest(batches, others):
        for array, expected in zip(batch, other, strict=True):
            np.testing.assert_array_equal(array, expected)


def test_batches(folder):
    dataset = load(folder)
    assert len(dataset) == 3
    for images, labels in take(dataset, 4):
        assert images.shape == (4, 16, 16, 3)
        assert images.dtype == np.uint8
        assert labels.shape == (4,)
        assert labels.dtype == np.int32


@pytest.mark.parametrize("options", [{}, {"crop": "random"}, {"drop_last": False}])
def test_starts_anywhere_whatever_was_read_before(folder, options):
    steps = 4 if options == {"drop_last": False} else 3
    taken = take(load(folder, **options), 3 * steps + 1)
    used = load(folder, num_threads=3, **options)
    for epoch, step in ((2, 0), (0, 0), (1, steps - 1), (0, steps), (0, 1)):
        first = steps * epoch + step
        assert_same(take(used, 2, epoch, step), taken[first : first + 2])


def test_reading_by_step_goes_through_the_epochs(folder):
    for dataset in (load(folder), data.load("fake", image_size=16, num_images=96)):
        expected = take(dataset, 9)
        for step in (0, 0, 1, 1, 0):  # looking at batches changes nothing
            assert_same([dataset[step]], [expected[step]])
        for epoch in range(3):
            assert_same(list(dataset), expected[3 * epoch : 3 * epoch + 3])
            assert dataset.epoch == epoch
        assert_same([dataset[1], dataset[1]], take(dataset, 1, 3, 1) * 2)


def test_seed_and_epoch_decide_order_and_flips(folder):
    first = take(load(folder, seed=1), 3)
    assert_same(take(load(folder, seed=1), 3), first)
    for other in (load(folder, seed=2), load(folder, seed=1, horizontal_flip=False)):
        assert any(
            (a[0] != b[0]).any() for a, b in zip(take(other, 3), first, strict=True)
        )
    later = take(load(folder, seed=1), 3, 1)
    assert any((a[1] != b[1]).any() for a, b in zip(later, first, strict=True))


def test_every_image_once_an_epoch_half_of_them_mirrored():
    images = np.random.default_rng(0).integers(0, 256, (400, 8, 8, 3), "uint8")
    source = ArraySource(images, np.arange(400), tuple(map(str, range(400))))
    dataset = ImageDataset(
        source, "noise", "train", 8, 3, "nearest", 64, drop_last=False,
        horizontal_flip=True,
    )  # fmt: skip
    epochs = []
    for epoch in range(2):
        batches = take(dataset, len(dataset), epoch)
        assert [len(labels) for _, labels in batches] == [64] * 6 + [16]
        rows = np.concatenate([labels for _, labels in batches])
        seen = np.concatenate([images for images, _ in batches])
        assert sorted(rows) == list(range(400))
        as_it_is = (seen == images[rows]).all(axis=(1, 2, 3))
        mirrored = (seen == images[rows, :, ::-1]).all(axis=(1, 2, 3))
        assert (as_it_is ^ mirrored).all()
        assert 150 < mirrored.sum() < 250
        epochs.append(mirrored[np.argsort(rows)])
    assert (epochs[0] != epochs[1]).any()
    np.testing.assert_array_equal(source.images, images)
    assert len(ImageDataset(source, "noise", "train", 8, 3, "nearest", 64)) == 6


@pytest.mark.parametrize("batch_size", [3, 7, 20])
def test_epochs_of_some_steps_run_on_over_the_ends_of_passes(batch_size):
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), "uint8")
    source = ArraySource(images, np.arange(7), tuple("abcdefg"))
    dataset = ImageDataset(
        source, "noise", "train", 8, 3, "nearest", batch_size, horizontal_flip=True,
        steps_per_epoch=5,
    )  # fmt: skip
    assert len(dataset) == 5
    assert dataset.num_dropped == 0
    batches = take(dataset, 14)
    assert [len(labels) for _, labels in batches] == [batch_size] * 14
    rows = np.concatenate([labels for _, labels in batches])
    seen = np.concatenate([images for images, _ in batches])
    mirrored = (seen != images[rows]).any(axis=(1, 2, 3))
    passes = [slice(start, start + 7) for start in range(0, len(rows) - 6, 7)]
    for one in passes:
        assert sorted(rows[one]) == list(range(7))
    assert len({tuple(rows[one]) for one in passes}) == len(passes)
    flips = [mirrored[one][np.argsort(rows[one])] for one in passes]
    assert len({tuple(flip) for flip in flips}) > 1
    assert_same(take(dataset, 3, 1, 4), batches[9:12])
    halves = [take(dataset.with_epochs_of(2), 3, 4, 1), batches[9:12]]
    assert_same(*halves)


def test_processes_share_batches_that_run_on():
    images = np.zeros((7, 8, 8, 3), "uint8")
    source = ArraySource(images, np.arange(7), tuple("abcdefg"))
    dataset = ImageDataset(
        source, "noise", "train", 8, 3, "nearest", 4, steps_per_epoch=3
    )
    shards = [take(dataset.shard(index, 2), 5, 1, 1) for index in range(2)]
    for (_, whole), *parts in zip(take(dataset, 5, 1, 1), *shards, strict=True):
        np.testing.assert_array_equal(np.concatenate([p[1] for p in parts]), whole)


def test_random_crops_reach_over_the_longer_side(tmp_path):
    wide = np.zeros((16, 64, 3), "uint8")
    wide[:] = np.arange(64)[:, None]
    for number in range(40):
        write(tmp_path / f"{number}.png", encoded(wide))
    (center,) = next(data.load(tmp_path, image_size=16, batch_size=40).starting_at())
    assert set(center[:, 0, 0, 0]) == {24}
    dataset = data.load(tmp_path, image_size=16, batch_size=40, crop="random")
    (images,) = next(dataset.starting_at())
    left = images[:, 0, 0, 0]
    assert left.min() < 10
    assert left.max() > 38
    np.testing.assert_array_equal(images[:, 0, 15, 0] - left, 15)
    (again,) = next(dataset.starting_at(1))
    assert (again[:, 0, 0, 0] != left).any()


def test_file_order_without_shuffling(folder):
    dataset = load(folder, shuffle=False, drop_last=False, horizontal_flip=False)
    batches = take(dataset, 4)
    images, labels = dataset.examples(range(15))
    np.testing.assert_array_equal(labels, np.repeat([0, 1, 2], 5))
    np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), images)
    np.testing.assert_array_equal(np.concatenate([b[1] for b in batches]), labels)


def test_examples_are_the_images(folder):
    dataset = load(folder, image_size=20)
    images, labels = dataset.examples([7, 0])
    expected = [picture(seed=seed)[:, 2:22] for seed in (102, 0)]
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, [1, 0])
    images, labels = load(folder, conditional=False).examples(3)
    assert images.shape == (1, 16, 16, 3)
    assert labels is None
    for wrong in ([15], [-1]):
        with pytest.raises(IndexError, match=r"There are 15 images.*Received"):
            dataset.examples(wrong)


def test_resizing_of_images_in_memory():
    dataset = data.load("fake", image_size=32, num_images=4, batch_size=4)
    source = dataset._source
    larger = ImageDataset(source, "fake", "train", 64, 1, "bicubic", 4, shuffle=False)
    images, labels = next(larger.starting_at())
    assert images.shape == (4, 64, 64, 1)
    np.testing.assert_array_equal(labels, source.labels)
    small = images.reshape(4, 32, 2, 32, 2).mean(axis=(2, 4))
    gray = source.images[:] @ [0.299, 0.587, 0.114]
    assert np.corrcoef(small.ravel(), gray.ravel())[0, 1] > 0.99


def test_bad_arguments(folder):
    with pytest.raises(ValueError, match="15 images do not fill one batch"):
        load(folder, batch_size=16)
    assert len(load(folder, batch_size=16, drop_last=False)) == 1
    for argument, value in (
        ("seed", -1),
        ("seed", 0.5),
        ("batch_size", 0),
        ("crop", "corner"),
        ("resize", "cubic"),
        ("image_size", 0),
        ("num_channels", 2),
        ("num_threads", 0),
        ("check", "some"),
    ):
        with pytest.raises(ValueError, match=f"Received: {argument}="):
            load(folder, **{argument: value})
    for position in ((-1, 0), (0, 4), (0, -1)):
        with pytest.raises(ValueError, match=f"step={position[1]}"):
            load(folder).starting_at(*position)
    with pytest.raises(IndexError, match="step=3"):
        load(folder)[3]


def test_both_ways_of_fitting_see_the_same(folder):
    def fit(batches, **options):
        layers = [keras.layers.Flatten(), keras.layers.Rescaling(1 / 255)]
        model = keras.Sequential([*layers, keras.layers.Dense(1)])
        model.build((None, 16, 16, 3))
        model.layers[-1].kernel.assign(np.full((768, 1), 0.01, "float32"))
        model.compile("sgd", "mse")
        options = {"epochs": 3, "shuffle": False, "verbose": 0, **options}
        return model.fit(batches, **options).history["loss"]

    losses = fit(load(folder, num_threads=3))
    batches = load(folder).starting_at()
    np.testing.assert_allclose(losses, fit(batches, steps_per_epoch=3), rtol=1e-4)


@pytest.mark.usefixtures("quick_compilation")
def test_fit_of_our_model_keeps_the_order(folder):
    class Recording(ImageDataset):
        def __getitem__(self, step):
            steps.append(step)
            return super().__getitem__(step)

    steps = []
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), "uint8")
    dataset = Recording(ArraySource(images), "a", "train", 16, 3, "nearest", 2)
    model = tiny_models.new_model(num_classes=0)
    model.compile(jit_compile=False)
    if keras.backend.backend() == "jax":
        model.jit_compile = True  # else every operation runs by itself
    logs = model.fit(dataset, epochs=2, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    assert dataset.epoch == 1
    assert steps[-20:] == [*range(10), *range(10)]
