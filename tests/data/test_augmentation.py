"""Augmentation of training images: by which layers, and that seeds decide all of it."""

import itertools
import json
import random

import keras
import numpy as np
import pytest

from keras_sphere import data
from keras_sphere.data.array_source import ArraySource
from keras_sphere.data.augmentation import NAMES, Augmentation, record
from keras_sphere.data.image_dataset import ImageDataset
from tests.data.image_files import write_classes

layers = keras.layers
NOISE = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), "uint8")


def two_layers():
    """Quick ones, new ones each time: with other seeds of their own."""
    return layers.Pipeline([layers.RandomFlip(), layers.RandomBrightness(0.5)])


def equal_images(augment=None, count=16, **options):
    """A dataset in which batches differ by augmentation alone."""
    images = np.repeat(NOISE[:1], count, axis=0)
    augmentation = augment if augment is None else Augmentation(augment)
    options = {"batch_size": 8, **options}
    return ImageDataset(
        *(ArraySource(images), "equal", "train", 8, 3, "nearest"),
        augmentation=augmentation,
        **options,
    )


def take(dataset, count, *start):
    return [batch[0] for batch in itertools.islice(dataset.starting_at(*start), count)]


def augmented(augment, images=NOISE, seed=0):
    return Augmentation(augment)(images, np.random.default_rng(seed))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_names(name, channels):
    images = NOISE[..., :channels]
    changed = augmented(name, images)
    assert changed.shape == images.shape
    assert changed.dtype == np.uint8
    assert (changed != images).any()


def test_flip_mirrors_some():
    changed = augmented("flip")
    as_it_is = (changed == NOISE).all(axis=(1, 2, 3))
    mirrored = (changed == NOISE[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (as_it_is ^ mirrored).all()
    assert 0 < mirrored.sum() < 8


def test_all_of_several_are_used_in_their_order():
    brighter = layers.RandomBrightness((0.2, 0.2))
    twice = layers.Rescaling(2.0)
    for augment in (
        [brighter, twice],
        (layers.Pipeline([brighter]), twice),
        keras.Sequential([brighter, twice]),
    ):
        changed = augmented(augment, np.full((2, 8, 8, 3), 10, "uint8"))
        np.testing.assert_array_equal(changed, 2 * (10 + 51))
    flipped = augmented(["flip", twice], NOISE // 2)
    for image, expected in zip(flipped, NOISE // 2 * 2, strict=True):
        assert (image == expected).all() or (image == expected[:, ::-1]).all()
    assert "RandomFlip" in str(record(layers.Pipeline([layers.RandomFlip()])))


def test_pixels_are_clipped_and_rounded():
    bright = augmented(layers.RandomBrightness((0.9, 0.9)), NOISE)
    np.testing.assert_array_equal(bright, np.minimum(NOISE + 229.5, 255).round())
    bright = augmented(layers.Rescaling(2.0, offset=-100), NOISE)
    np.testing.assert_array_equal(bright, np.clip(NOISE * 2.0 - 100, 0, 255))
    half = augmented(layers.Rescaling(1.0, offset=-0.4), NOISE)
    np.testing.assert_array_equal(half, NOISE)


@pytest.mark.parametrize("kind", ["files", "memory"])
def test_starts_anywhere_whatever_was_read_before(kind, tmp_path):
    def load(**options):
        if kind == "memory":
            return equal_images(two_layers(), batch_size=4, **options)
        return data.load(
            write_classes(tmp_path / "photos"),
            image_size=8,
            batch_size=4,
            augment=two_layers(),
            **options,
        )

    expected = take(load(), 10)
    used = load(num_threads=3)
    steps = len(used)
    for epoch, step in ((2, 0), (0, 0), (1, steps - 1), (0, steps), (0, 1)):
        first = steps * epoch + step
        np.testing.assert_array_equal(
            take(used, 2, epoch, step), expected[first : first + 2]
        )
    np.testing.assert_array_equal([batch[0] for batch in load()], expected[:steps])


def test_each_image_batch_epoch_and_seed_is_changed_in_its_own_way():
    first, second, next_epoch = take(equal_images(two_layers()), 3)
    (other_seed,) = take(equal_images(two_layers(), seed=1), 1)
    for a, b in itertools.combinations((first, second, next_epoch, other_seed), 2):
        assert (a != b).any()
    assert len(np.unique(first, axis=0)) > 2


def test_the_last_batch_may_be_smaller():
    dataset = equal_images(keras.Sequential([layers.RandomFlip()]), 20, drop_last=False)
    assert [len(images) for images in take(dataset, 4)] == [8, 8, 4, 8]


def test_layers_of_one_seed_draw_by_themselves():
    """Equal generators would add to an image the same twice."""
    pair = [layers.RandomBrightness(0.2, seed=3) for _ in range(2)]
    gray = np.full((8, 8, 8, 3), 128, "uint8")
    both = augmented(pair, gray).astype(int)[:, 0, 0, 0] - 128
    one = augmented(pair[:1], gray).astype(int)[:, 0, 0, 0] - 128
    assert (np.abs(both - 2 * one) > 3).any()


def test_processes_change_their_rows_in_their_own_way():
    dataset = equal_images(two_layers())
    shards = [take(dataset.shard(index, 2), 2) for index in range(2)]
    assert shards[0][0].shape == (4, 8, 8, 3)
    assert (shards[0][0] != shards[1][0]).any()
    again = take(equal_images(two_layers()).shard(1, 2), 1, 0, 1)
    np.testing.assert_array_equal(again[0], shards[1][1])


def test_examples_and_sources_stay_as_they_are():
    dataset = equal_images(two_layers())
    take(dataset, 2)
    images, _ = dataset.examples([0, 5])
    np.testing.assert_array_equal(images, np.repeat(NOISE[:1], 2, axis=0))
    np.testing.assert_array_equal(dataset._source.images[3], NOISE[0])


def test_python_and_policies_of_the_training_do_not_matter():
    layer = layers.AugMix(num_chains=1)  # draws from Python's generator, too
    image = np.repeat(NOISE[:1], 4, axis=0)
    augmentation = Augmentation([layer, "flip"])
    augmentation(image, np.random.default_rng(0))
    random.seed(5)
    state = random.getstate()
    changed = [augmentation(image, np.random.default_rng(s)) for s in (0, 1, 0)]
    assert random.getstate() == state
    np.testing.assert_array_equal(changed[0], changed[2])
    assert (changed[0] != changed[1]).any()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        flip = Augmentation("flip")._layer.layers[0]
    finally:
        keras.config.set_dtype_policy(before)
    assert flip.compute_dtype == "float32"


class Unseeded(layers.Layer):
    """Draws from where nobody can set the seed."""

    def call(self, images):
        noise = np.random.default_rng().uniform(0, 100, (8, 8, 3))
        return images + keras.ops.convert_to_tensor(noise, "float32")


def test_what_cannot_be_seeded_is_told(caplog):
    equal_images(Unseeded())
    assert "The augmentation Unseeded draws random numbers" in caplog.text
    caplog.clear()
    equal_images([*two_layers().layers, layers.AugMix(num_chains=1)])
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ("mirror", r"one of \['flip', 'affine', 'randaugment'\].*augment='mirror'"),
        ("flip,", "augment=''"),
        ([], "must not be empty"),
        (["flip", np.flip], "augment=<.*flip"),
        (layers.RandomBrightness, "augment=<class"),
        (layers.RandomBrightness(0.1, value_range=(0, 1)), "RandomBrightness with val"),
        ([layers.RandAugment((-1, 1))], r"RandAugment with value_range=\(-1, 1\)"),
        (layers.CenterCrop(4, 4), r"CenterCrop, which makes \(8, 4, 4, 3\) of \(8, 8"),
        (layers.RandomGrayscale(data_format="channels_first"), "augment=RandomGray"),
    ],
)
def test_bad_arguments(augment, message):
    with pytest.raises(ValueError, match=message):
        data.load("fake", image_size=8, batch_size=8, augment=augment)


def test_a_record_is_of_what_layers_do():
    first, second = (record([layers.RandomRotation(0.1), "flip"]) for _ in range(2))
    assert first == second
    assert first[1] == "flip"
    assert json.loads(json.dumps(first)) == first
    built, unbuilt = (keras.Sequential([layers.RandomRotation(0.1)]) for _ in range(2))
    built(NOISE.astype("float32"))
    assert record(built) == record(unbuilt)
    assert record(layers.RandomRotation(0.2)) != first[:1]
    assert record("flip, affine") == ["flip", "affine"]
    nested = [record(layers.Pipeline([layers.RandomZoom(z)])) for z in (0.1, 0.1, 0.2)]
    assert nested[0] == nested[1] != nested[2]

    class WithoutConfig(layers.Layer):
        def __init__(self, factor):
            super().__init__()

    with pytest.raises(ValueError, match=r"`get_config`.*WithoutConfig"):
        record(WithoutConfig(lambda: 1))
