"""The scanned digits that come with scikit-learn."""

import numpy as np

from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import Array
from keras_sphere.validation import read_integer

PACKAGES = (("sklearn.datasets", "`load_digits`"), ("PIL.Image", "`load_digits`"))
NUM_CLASSES = 10
NUM_TRAIN_IMAGES = 1500
LARGEST_GRAY = 16.0  # the scans have 17 gray levels


def load_digits(
    image_size: int = 16,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Loads scikit-learn's 1,797 handwritten digits, split for training and test.

    The 8x8 scans are enlarged by bicubic interpolation in float32 and clipped.
    Nothing is downloaded: the scans are part of scikit-learn (`pip install
    "keras-sphere[data]"`). They are a copy of the test set of the UCI "Optical
    Recognition of Handwritten Digits" data.

    The first 1,500 scans in file order are for training, the last 297 for test,
    27 to 33 per class. The file seems to be ordered by writer: these 297 lie
    further from the training images than a random 297 would, so that a test on
    them says what happens with unseen hands.

    Args:
        image_size: Integer. Height and width of the images. Defaults to `16`.

    Returns:
        `((train_images, train_labels), (test_images, test_labels))`: 1,500 and 297
        uint8 images of shape `(batch, image_size, image_size, 1)`, bright strokes
        on black, and int32 labels of shape `(batch,)` in [0, 9].

    Raises:
        ImportError: If scikit-learn or Pillow is not installed.
        ValueError: If `image_size` is not an integer of at least 1.

    Example:

    >>> (images, labels), _ = keras_sphere.data.load_digits()
    >>> images.shape, labels.shape
    ((1500, 16, 16, 1), (1500,))
    """
    image_size = read_integer("image_size", image_size)
    datasets = import_optional(*PACKAGES[0])
    digits = datasets.load_digits()
    images = _enlarge(digits.images, image_size)
    labels = digits.target.astype("int32")
    train, test = slice(None, NUM_TRAIN_IMAGES), slice(NUM_TRAIN_IMAGES, None)
    return (images[train], labels[train]), (images[test], labels[test])


def _enlarge(scans, image_size):
    """Turns `(batch, 8, 8)` gray levels into uint8 `(batch, size, size, 1)`."""
    pillow = import_optional(*PACKAGES[1])
    scans = np.asarray(scans, dtype="float32") * (255.0 / LARGEST_GRAY)
    size = (image_size, image_size)
    resized = np.stack(
        [
            np.asarray(pillow.fromarray(scan).resize(size, pillow.Resampling.BICUBIC))
            for scan in scans
        ]
    )
    return np.clip(np.rint(resized), 0, 255).astype("uint8")[..., np.newaxis]
