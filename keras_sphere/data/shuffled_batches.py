"""Batches in an order that can be taken up again anywhere."""

import numpy as np

from keras_sphere.data.padded_batches import check_share_of_batch
from keras_sphere.validation import check_positive_integer


class ShuffledBatches:
    """Shuffled batches of arrays, each known by its epoch and its step in it.

    The order of an epoch is a function of `seed` and the epoch alone, so training
    that starts again at a later position sees what it would have seen, at no cost
    for the batches before.

    Args:
        images: Array of shape `(num_images, height, width, channels)`.
        labels: Integer array of shape `(num_images,)`, or `None`.
        batch_size: Integer. The last batch of an epoch has the images that are left.
        seed: Integer, at least 0. Seed of the order.
        drop_last: Boolean. Whether to leave out images that do not fill a batch.

    Raises:
        ValueError: If the arrays are empty or of different lengths.

    Example:

    >>> batches = ShuffledBatches(images, labels, batch_size=32, seed=0)
    >>> steps = len(batches)
    >>> model.fit(batches.starting_at(), steps_per_epoch=steps, shuffle=False)
    """

    def __init__(self, images, labels=None, batch_size=32, seed=0, drop_last=False):
        check_positive_integer("batch_size", batch_size)
        if len(images) == 0 or (labels is not None and len(labels) != len(images)):
            raise ValueError(
                "There must be at least one image, and as many labels as images. "
                f"Received: {len(images)} images and "
                f"{'no' if labels is None else len(labels)} labels"
            )
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        self.drop_last = drop_last
        self._share = (0, 1)
        if drop_last and len(self) == 0:
            raise ValueError(
                "There must be images for one batch at least. Received: "
                f"{len(images)} images, batch_size={batch_size}, drop_last=True"
            )

    def __len__(self):
        """Number of batches in an epoch."""
        full, rest = divmod(len(self.images), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    @property
    def num_dropped(self):
        """Images of an epoch that `drop_last` leaves out."""
        return len(self.images) % self.batch_size if self.drop_last else 0

    def shard(self, index, count):
        """The part of the same batches that one of several processes reads.

        Args:
            index: Integer in [0, count).
            count: Integer that divides `batch_size`.

        Returns:
            `ShuffledBatches` with `drop_last`, of the same `batch_size`; its batches
            have the `batch_size / count` rows of this process.
        """
        check_share_of_batch(self.batch_size, index, count)
        shard = ShuffledBatches(
            self.images, self.labels, self.batch_size, self.seed, drop_last=True
        )
        shard._share = (index, count)
        return shard

    def order(self, epoch):
        """Indices of all images in the order of an epoch, counted from 0."""
        bits = np.random.Philox(key=np.array([self.seed, epoch], "uint64"))
        return np.random.Generator(bits).permutation(len(self.images))

    def starting_at(self, epoch=0, step=0):
        """A generator of batches without end, for `fit` with `steps_per_epoch`.

        Args:
            epoch: Integer. Epoch of the first batch, counted from 0.
            step: Integer in [0, len(self)]. Step of that epoch to start with.

        Returns:
            Generator of tuples `(images, labels)`, or `(images,)`.

        Raises:
            ValueError: If the position does not exist.
        """
        if epoch < 0 or not 0 <= step <= len(self):
            raise ValueError(
                f"An epoch has {len(self)} batches: a position needs an epoch of at "
                f"least 0 and a step of at most that. Received: epoch={epoch}, "
                f"step={step}"
            )
        return self._batches(epoch, step)

    def _batches(self, epoch, step):
        while True:
            order = self.order(epoch)
            index, count = self._share
            for number in range(step, len(self)):
                start = number * self.batch_size
                rows = order[start : start + self.batch_size]
                rows = np.split(rows, count)[index]
                if self.labels is None:
                    yield (self.images[rows],)
                else:
                    yield self.images[rows], self.labels[rows]
            epoch, step = epoch + 1, 0
