"""Batches for evaluation: all of one size, each image counted once."""

from __future__ import annotations

import keras
import numpy as np

from keras_sphere.data.epoch_order import check_share_of_batch
from keras_sphere.typing import Array
from keras_sphere.validation import read_integer


class PaddedBatches(keras.utils.PyDataset):
    """Batches of arrays in order, the last one filled up with images that do not count.

    Many devices need batches that they can share evenly. What fills up the last one
    are the first images again, of sample weight 0; the others weigh a little more
    than 1, such that means over the padded batches are means over the images. (Latent
    uniformity ranks the images of a batch, and those that fill it up among them.)

    Args:
        images: Array of shape `(num_images, height, width, channels)`.
        labels: Integer array of shape `(num_images,)`, or `None`.
        batch_size: Integer.

    Example:

    >>> model.evaluate(PaddedBatches(images, labels, batch_size=64))
    """

    def __init__(
        self, images: Array, labels: Array | None = None, batch_size: int = 32
    ) -> None:
        super().__init__()
        batch_size = read_integer("batch_size", batch_size)
        if len(images) == 0 or (labels is not None and len(labels) != len(images)):
            raise ValueError(
                "There must be at least one image, and as many labels as images. "
                f"Received: {len(images)} images and "
                f"{'no' if labels is None else len(labels)} labels"
            )
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self._share = (0, 1)

    def __len__(self):
        """Number of batches."""
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, number):
        """Batch `number`: images, labels or `None`, and sample weights."""
        index, count = self._share
        rows = np.arange(number * self.batch_size, (number + 1) * self.batch_size)
        rows = np.split(rows, count)[index]
        num_images = len(self.images)
        weight = len(self) * self.batch_size / num_images
        weights = np.where(rows < num_images, weight, 0.0).astype("float32")
        rows = rows % num_images
        labels = None if self.labels is None else self.labels[rows]
        return self.images[rows], labels, weights

    def shard(self, index: int, count: int) -> PaddedBatches:
        """The part of the same batches that one of several processes reads.

        Args:
            index: Integer in [0, count).
            count: Integer that divides `batch_size`.

        Returns:
            `PaddedBatches`.
        """
        check_share_of_batch(self.batch_size, index, count)
        shard = PaddedBatches(self.images, self.labels, self.batch_size)
        shard._share = (index, count)
        return shard
