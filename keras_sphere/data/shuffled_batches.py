"""Batches of arrays in an order that can be taken up again anywhere."""

import itertools
from collections.abc import Iterator

from keras_sphere.data.epoch_order import EpochOrder, OrderedBatches
from keras_sphere.typing import Array


class ShuffledBatches(OrderedBatches):
    """Shuffled batches of arrays, each known by its epoch and its step in it.

    The order of an epoch is a function of `seed` and the epoch alone, so training
    that starts again at a later position sees what it would have seen, at no cost
    for the batches before. `keras_sphere.data.load` reads images from files in the
    same order.

    Args:
        images: Array of shape `(num_images, height, width, channels)`.
        labels: Integer array of shape `(num_images,)`, or `None`.
        batch_size: Integer. The last batch of an epoch has the images that are left.
        seed: Integer, at least 0. Seed of the order.
        drop_last: Boolean. Whether to leave out images that do not fill a batch.
        embeddings: Float array of shape `(num_images, channels)`, or `None`: vectors
            that a model with a `condition_dim` is conditional on. Batches are then
            dicts.

    Raises:
        ValueError: If the arrays are empty or of different lengths.

    Example:

    >>> batches = ShuffledBatches(images, labels, batch_size=32, seed=0)
    >>> steps = len(batches)
    >>> model.fit(batches.starting_at(), steps_per_epoch=steps, shuffle=False)
    """

    def __init__(
        self,
        images: Array,
        labels: Array | None = None,
        batch_size: int = 32,
        seed: int = 0,
        drop_last: bool = False,
        embeddings: Array | None = None,
    ) -> None:
        for what, rows in (("labels", labels), ("embeddings", embeddings)):
            if len(images) == 0 or (rows is not None and len(rows) != len(images)):
                raise ValueError(
                    f"There must be at least one image, and as many {what} as images. "
                    f"Received: {len(images)} images and "
                    f"{'no' if rows is None else len(rows)} {what}"
                )
        self._epochs = EpochOrder(len(images), batch_size, seed, drop_last=drop_last)
        self.images = images
        self.labels = labels
        self.embeddings = embeddings
        self.batch_size = self._epochs.batch_size
        self.seed = self._epochs.seed

    def order(self, epoch: int) -> Array:
        """Indices of all images in the order of an epoch, counted from 0."""
        return self._epochs.order(epoch)

    def starting_at(self, epoch: int = 0, step: int = 0) -> Iterator[tuple[Array, ...]]:
        """A generator of batches without end, for `fit` with `steps_per_epoch`.

        Args:
            epoch: Integer. Epoch of the first batch, counted from 0.
            step: Integer in [0, len(self)]. Step of that epoch to start with.

        Returns:
            Generator of tuples `(images, labels)`, or `(images,)`; with embeddings of
            tuples of a dict of `images`, `embeddings` and, if there are any, `labels`.

        Raises:
            ValueError: If the position does not exist.
        """
        self._epochs.check_position(epoch, step)
        return self._batches(epoch, step)

    def _batches(self, epoch, step):
        for position in itertools.count(epoch * len(self) + step):
            rows = self._epochs.rows(*divmod(position, len(self)))
            labels = None if self.labels is None else self.labels[rows]
            if self.embeddings is not None:
                batch = {"images": self.images[rows], "labels": labels}
                batch["embeddings"] = self.embeddings[rows]
                yield ({key: part for key, part in batch.items() if part is not None},)
            elif labels is None:
                yield (self.images[rows],)
            else:
                yield self.images[rows], labels
