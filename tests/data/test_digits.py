"""The scanned digits."""

import numpy as np
import pytest
from sklearn import datasets

from keras_sphere.data import load_digits

pytestmark = pytest.mark.any_backend


def test_shapes_types_and_classes():
    train, test = load_digits()
    for (images, labels), count in ((train, 1500), (test, 297)):
        assert images.shape == (count, 16, 16, 1)
        assert images.dtype == np.uint8
        assert labels.shape == (count,)
        assert labels.dtype == np.int32
        assert images.min() == 0
        assert images.max() == 255
        per_class = np.bincount(labels, minlength=10)
        assert per_class.min() >= 0.9 * count / 10
        assert len(per_class) == 10


def test_the_split_is_in_file_order():
    (_, train_labels), (_, test_labels) = load_digits()
    expected = datasets.load_digits().target
    np.testing.assert_array_equal(np.concatenate([train_labels, test_labels]), expected)


def test_at_its_own_size_the_scan_is_only_rescaled():
    (images, _), (test_images, _) = load_digits(image_size=8)
    images = np.concatenate([images, test_images])[..., 0]
    expected = np.rint(datasets.load_digits().images / 16.0 * 255.0)
    np.testing.assert_array_equal(images, expected)


def test_enlarging_keeps_the_picture():
    (small, _), _ = load_digits(image_size=8)
    (large, _), _ = load_digits(image_size=16)
    averaged = large[..., 0].reshape(-1, 8, 2, 8, 2).astype("float64").mean(axis=(2, 4))
    correlation = np.corrcoef(averaged.ravel(), small.ravel())[0, 1]
    assert correlation > 0.99
    assert len(np.unique(large)) == 256


def test_no_test_image_is_a_training_image():
    (train_images, _), (test_images, _) = load_digits()
    known = {image.tobytes() for image in train_images}
    assert not any(image.tobytes() in known for image in test_images)


@pytest.mark.parametrize("image_size", [0, 16.0, True])
def test_invalid_size(image_size):
    with pytest.raises(ValueError, match=r"`image_size` must be.*Received: "):
        load_digits(image_size)
