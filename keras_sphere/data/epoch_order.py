"""The order of an epoch, and what is drawn for its images."""

import copy
import threading
from typing import Self

import numpy as np

from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_seed,
)

REMEMBERED_EPOCHS = 2  # prefetching reads the next one before this one ends


class EpochOrder:
    """Which images make which batch: a function of seed, epoch and step alone.

    Args:
        num_images: Integer, at least 1.
        batch_size: Integer.
        seed: Integer, at least 0.
        shuffle: Boolean. Whether every epoch has an order of its own; else the
            images come in file order.
        drop_last: Boolean. Whether to leave out a last batch that is not full.
        steps_per_epoch: Integer or `None`. Batches that make an epoch, whatever the
            number of images: then batches run on over the ends of passes over the
            images, each of which has an order of its own, and none is left out.

    Raises:
        ValueError: If there is not one batch.
    """

    def __init__(
        self,
        num_images,
        batch_size,
        seed=0,
        shuffle=True,
        drop_last=False,
        steps_per_epoch=None,
    ):
        self.num_images = num_images
        self.batch_size = batch_size = read_integer("batch_size", batch_size)
        self.seed = read_seed("seed", seed)
        self.shuffle = read_boolean("shuffle", shuffle)
        drop_last = read_boolean("drop_last", drop_last)
        self.steps_per_epoch = if_given(
            read_integer, "steps_per_epoch", steps_per_epoch
        )
        self._share = (0, 1)
        self._remembered = {}
        self._lock = threading.Lock()
        if steps_per_epoch is not None:
            self.num_batches, self.num_dropped = self.steps_per_epoch, 0
            return
        if drop_last and num_images < batch_size:
            raise ValueError(
                f"The {num_images} images do not fill one batch, and incomplete "
                "batches are dropped: take a smaller `batch_size`, or "
                f"`drop_last=False`. Received: batch_size={batch_size}"
            )
        full, rest = divmod(num_images, batch_size)
        self.num_batches = full + (rest > 0 and not drop_last)
        self.num_dropped = rest if drop_last else 0

    def shard(self, index, count):
        """The same batches without the incomplete one, of which a process has a part.

        Args:
            index: Integer in [0, count).
            count: Integer that divides `batch_size`.

        Returns:
            `EpochOrder` whose `rows` are part `index` of `count` equal parts.
        """
        check_share_of_batch(self.batch_size, index, count)
        shard = self._like(drop_last=True, steps_per_epoch=self.steps_per_epoch)
        shard._share = (index, count)
        return shard

    def with_epochs_of(self, steps):
        """The same order in epochs of so many batches, which run on over the ends of
        passes over the images."""
        return self._like(drop_last=False, steps_per_epoch=steps)

    def order(self, epoch):
        """Indices of all images in the order of an epoch, counted from 0, or of a
        pass where epochs are no passes."""
        if not self.shuffle:
            return np.arange(self.num_images)
        return self._remember(
            ("order", epoch),
            lambda: self._generator(epoch, 0).permutation(self.num_images),
        )

    def draws(self, places, stream):
        """One uniform number in [0, 1) per image of a batch.

        Args:
            places: Pair of arrays, as `places` returns it.
            stream: Integer, at least 1. What the numbers are for.

        Returns:
            float64 array of shape `(batch,)`.
        """
        passes, rows = places
        drawn = np.empty(len(rows))
        for one in np.unique(passes):
            of_images = self._remember(
                (stream, int(one)),
                lambda one=int(one): self._generator(one, stream).random(
                    self.num_images
                ),
            )
            drawn[passes == one] = of_images[rows[passes == one]]
        return drawn

    def rows(self, epoch, step):
        """Indices of the images of one batch, or of this process's part of it."""
        return self.places(epoch, step)[1]

    def places(self, epoch, step):
        """The images of one batch, or of this process's part of it.

        Returns:
            Pair of integer arrays of shape `(batch,)`: the pass over the images that
            each belongs to, counted from 0, and its index.
        """
        if self.steps_per_epoch is None:
            first = epoch * self.num_images + step * self.batch_size
            last = min(first + self.batch_size, (epoch + 1) * self.num_images)
        else:
            first = (epoch * self.steps_per_epoch + step) * self.batch_size
            last = first + self.batch_size
        passes, within = np.divmod(np.arange(first, last), self.num_images)
        rows = np.empty_like(within)
        for one in np.unique(passes):
            rows[passes == one] = self.order(int(one))[within[passes == one]]
        index, count = self._share
        return np.split(passes, count)[index], np.split(rows, count)[index]

    def generator(self, epoch, step, stream):
        """A generator for one batch, or for this process's part of it.

        Args:
            epoch: Integer.
            step: Integer.
            stream: Integer, at least 1. What the numbers are for.

        Returns:
            `numpy.random.Generator`.
        """
        return self._generator(epoch, stream, step, self._share[0])

    def check_position(self, epoch, step):
        """Raises a `ValueError` unless an epoch has that step, or ends there."""
        if epoch < 0 or not 0 <= step <= self.num_batches:
            raise ValueError(
                f"An epoch has {self.num_batches} batches: a position needs an epoch "
                "of at least 0 and a step of at most that. Received: "
                f"epoch={epoch}, step={step}"
            )

    def _like(self, **changes):
        return EpochOrder(
            self.num_images, self.batch_size, self.seed, self.shuffle, **changes
        )

    def _generator(self, epoch, stream, step=0, part=0):
        key = np.array([self.seed, epoch], "uint64")
        counter = np.array([0, step, part, stream], "uint64")
        return np.random.Generator(np.random.Philox(key=key, counter=counter))

    def _remember(self, key, compute):
        with self._lock:
            if key not in self._remembered:
                same = [other for other in self._remembered if other[0] == key[0]]
                if len(same) >= REMEMBERED_EPOCHS:
                    del self._remembered[same[0]]
                self._remembered[key] = compute()
            return self._remembered[key]


class OrderedBatches:
    """What datasets have in common whose batches an `EpochOrder`, `_epochs`, makes."""

    def __len__(self):
        """Number of batches in an epoch."""
        return self._epochs.num_batches

    @property
    def num_dropped(self) -> int:
        """Images of an epoch that `drop_last` leaves out."""
        return self._epochs.num_dropped

    def shard(self, index: int, count: int) -> Self:
        """The part of the same batches that one of several processes reads.

        Args:
            index: Integer in [0, count).
            count: Integer that divides `batch_size`.

        Returns:
            Dataset of the same kind and `batch_size`, with `drop_last`; its batches
            have the `batch_size / count` rows of this process.
        """
        shard = copy.copy(self)
        shard._epochs = self._epochs.shard(index, count)
        return shard


def check_share_of_batch(batch_size, index, count):
    """Raises a `ValueError` unless `index` is one of `count` equal parts of a batch."""
    index, count = read_integer("index", index, least=0), read_integer("count", count)
    if index >= count or batch_size % count:
        raise ValueError(
            "`index` must be in [0, count), and `count` divide the batch size. "
            f"Received: index={index}, count={count}, batch_size={batch_size}"
        )
