"""Batches whose order is a function of seed and epoch."""

import itertools

import numpy as np
import pytest

from keras_sphere.data import ShuffledBatches

pytestmark = pytest.mark.any_backend

IMAGES = np.arange(7)[:, None, None, None] * np.ones((1, 2, 2, 1))
LABELS = np.arange(7)


def take(batches, count, *start):
    generator = batches.starting_at(*start)
    return [list(labels) for _, labels in itertools.islice(generator, count)]


def test_every_epoch_has_all_images_in_its_own_order():
    batches = ShuffledBatches(IMAGES, LABELS, batch_size=3, seed=1)
    assert len(batches) == 3
    taken = take(batches, 6)
    assert [len(batch) for batch in taken] == [3, 3, 1] * 2
    first, second = (list(itertools.chain(*t)) for t in (taken[:3], taken[3:]))
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second
    assert take(ShuffledBatches(IMAGES, LABELS, 3, seed=2), 3) != taken[:3]


def test_starts_anywhere():
    batches = ShuffledBatches(IMAGES, LABELS, batch_size=3, seed=1)
    taken = take(batches, 9)
    for epoch, step in ((0, 0), (0, 2), (1, 1), (1, 3)):
        first = 3 * epoch + step
        assert take(batches, 3, epoch, step) == taken[first : first + 3]


def test_images_go_with_their_labels():
    batches = ShuffledBatches(IMAGES, LABELS, batch_size=3)
    images, labels = next(batches.starting_at())
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
    (alone,) = next(ShuffledBatches(IMAGES, batch_size=3).starting_at())
    np.testing.assert_array_equal(alone, images)


def test_bad_input():
    with pytest.raises(ValueError, match="7 images and 3 labels"):
        ShuffledBatches(IMAGES, LABELS[:3])
    with pytest.raises(ValueError, match="0 images and no labels"):
        ShuffledBatches(IMAGES[:0])
    with pytest.raises(ValueError, match="batch_size=0"):
        ShuffledBatches(IMAGES, batch_size=0)
    for position in ((-1, 0), (0, 4), (0, -1)):
        with pytest.raises(ValueError, match=f"step={position[1]}"):
            ShuffledBatches(IMAGES, batch_size=3).starting_at(*position)
