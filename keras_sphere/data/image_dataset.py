"""Batches of images for `fit`, from any source, in an order known beforehand."""

from __future__ import annotations

import copy
import hashlib
import itertools
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_sphere.data.description import DatasetDescription
from keras_sphere.data.epoch_order import EpochOrder, OrderedBatches
from keras_sphere.data.examples import Examples
from keras_sphere.data.image_decoding import UnreadableImageError
from keras_sphere.data.image_fitting import fit_image, to_channels
from keras_sphere.data.read_ahead import ReadAhead
from keras_sphere.data.read_report import ReadReport
from keras_sphere.short_repr import ShortRepr
from keras_sphere.typing import Array

if TYPE_CHECKING:
    from keras_sphere.data.augmentation import Augmentation

logger = logging.getLogger("keras_sphere")

FLIP, CROP, AUGMENT = 1, 2, 3  # streams of random numbers
# More bad images in a row are no accident but a disk that is gone.
MAX_BAD_IN_A_ROW = 100
# A JPEG may be decoded at a smaller scale that is still so much larger than needed.
DECODING_MARGIN = 2


class ImageDataset(ShortRepr, Examples, OrderedBatches, keras.utils.PyDataset):
    """Images of a source, as batches for `fit` on every backend; made by `load`.

    `fit(dataset)` reads it as Keras' `PyDataset`; `fit(dataset.starting_at(...),
    steps_per_epoch=len(dataset), shuffle=False)` starts anywhere. Both decode and
    augment images ahead, in threads. Order, crops, flips and augmentation of a batch
    are functions of seed, epoch and step.

    An image that turns out to be unreadable is replaced by the next readable one in
    file order with that one's label and vector, whatever was read before, and counted.

    Args:
        source: `ArraySource` or another one with its methods.
        name: String. For the description.
        split: String. For the description.
        image_size: Integer. Height and width of the images in the batches.
        num_channels: Integer. 1 or 3.
        resize: String. Method of resampling.
        batch_size: Integer. Images per batch.
        seed: Integer, at least 0. Seed of all that is random.
        shuffle: Boolean. Whether every epoch has an order of its own.
        drop_last: Boolean. Whether a last batch that is not full is left out.
        horizontal_flip: Boolean. Whether each image is mirrored every other time.
        crop: `"center"` or `"random"`.
        conditional: Boolean or `None`. Whether there are labels; `None` for
            whether the source has some.
        report: `ReadReport`, or `None` for a new one that is not strict.
        num_threads: Integer. Batches that are made at a time.
        augmentation: `Augmentation`, or `None`.
        steps_per_epoch: See `EpochOrder`.

    Attributes:
        description: `DatasetDescription`.
        epoch: Integer. The epoch that `fit(dataset)` is in.
        has_own_order: `True`, which tells `fit` not to shuffle the batches itself.

    Raises:
        ValueError: If labels are asked for and there are none, if there is not one
            batch, or if the images cannot be augmented.
        UnreadableImageError: In use, if an image cannot be read and the report is
            strict, or if a hundred in a row cannot.
    """

    has_own_order = True

    def __init__(
        self,
        source: Any,
        name: str,
        split: str,
        image_size: int,
        num_channels: int,
        resize: str,
        batch_size: int = 32,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = True,
        horizontal_flip: bool = False,
        crop: str = "center",
        conditional: bool | None = None,
        report: ReadReport | None = None,
        num_threads: int = 1,
        augmentation: Augmentation | None = None,
        steps_per_epoch: int | None = None,
    ) -> None:
        has_labels = len(source.class_names) > 0
        if conditional and not has_labels:
            raise ValueError(
                "The images have no classes: put them into one folder per class, or "
                f"take `conditional=False`. Received: conditional={conditional}, "
                f"name={name!r}"
            )
        self._in_memory = _has_size(source, image_size, num_channels)
        self._is_quick = self._in_memory and augmentation is None
        super().__init__()
        self._source = source
        self._conditional = has_labels if conditional is None else conditional
        self._epochs = EpochOrder(
            len(source), batch_size, seed, shuffle, drop_last, steps_per_epoch
        )
        self._resize = resize
        self._crop = crop
        self._horizontal_flip = horizontal_flip
        self._augmentation = augmentation
        self._num_threads = num_threads
        self._start_reading()
        self._report = report or ReadReport()
        self.batch_size = self._epochs.batch_size
        self.seed = self._epochs.seed
        self.epoch = 0
        self.description = DatasetDescription(
            name=name,
            split=split,
            image_size=image_size,
            num_channels=num_channels,
            num_classes=len(source.class_names) if self._conditional else 0,
            class_names=source.class_names if self._conditional else (),
            num_images=len(source),
            num_skipped=self._report.num_skipped,
            source=source.location,
            **source.describe_vectors(),
        )
        if augmentation is not None:
            augmentation.check((self.batch_size, image_size, image_size, num_channels))
        logger.info("%s", self.report)

    def _start_reading(self):
        self._ahead = ReadAhead(self._batch_at, self._num_threads)
        self._lock = threading.Lock()
        self._steps_read = set()

    def shard(self, index: int, count: int) -> ImageDataset:
        shard = super().shard(index, count)
        shard._start_reading()
        return shard

    shard.__doc__ = OrderedBatches.shard.__doc__

    def with_epochs_of(self, steps: int) -> ImageDataset:
        """The same images, in epochs of so many batches; see `load`.

        Args:
            steps: Integer.

        Returns:
            `ImageDataset`.
        """
        other = copy.copy(self)
        other._epochs = self._epochs.with_epochs_of(steps)
        other._start_reading()
        return other

    def checksum(self) -> str:
        """Short name of the content: equal for the same images, wherever they lie.

        Of images in files the names and sizes count, not the pixels; vectors count.

        Returns:
            String of 16 hexadecimal digits.
        """
        of_images, vectors = self._source.checksum()[:16], self.description.vectors
        if vectors is None:
            return of_images
        return hashlib.sha256(f"{of_images}{vectors}".encode()).hexdigest()[:16]

    def _facts(self):
        batches = f"{len(self)} of {self.batch_size}"
        return {**self.description._facts(), "batches": batches}

    def __getitem__(self, step):
        """Batch `step` of the epoch `self.epoch`.

        The next epoch starts when all steps of one have been read, so that looking
        at its first batches, as Keras does before it trains, changes nothing.
        """
        if not 0 <= step < len(self):
            raise IndexError(f"An epoch has {len(self)} batches. Received: step={step}")
        with self._lock:
            if len(self._steps_read) == len(self):
                self._steps_read.clear()
                self.epoch += 1
            self._steps_read.add(step)
            position = self.epoch * len(self) + step
            return self._batch_at(position) if self._is_quick else self._ahead[position]

    def starting_at(self, epoch: int = 0, step: int = 0) -> Iterator[tuple[Array, ...]]:
        """A generator of batches without end, for `fit` with `steps_per_epoch`.

        Images from files, and augmented ones, are made ahead, in threads, by grain.

        Args:
            epoch: Integer. Epoch of the first batch, counted from 0.
            step: Integer in [0, len(self)]. Step of that epoch to start with.

        Returns:
            Generator of tuples `(images, labels)`, or `(images,)`: uint8 of shape
            `(batch_size, image_size, image_size, num_channels)` and int32 of shape
            `(batch_size,)`. With vectors of tuples of a dict of `images`, `embeddings`
            and, if there are any, `labels`.

        Raises:
            ValueError: If the position does not exist.
            ImportError: If images are made ahead and grain is not installed.
        """
        self._epochs.check_position(epoch, step)
        if self._is_quick:
            positions = itertools.count(epoch * len(self) + step)
            return (self._batch_at(position) for position in positions)
        return self._ahead.starting_at(epoch * len(self) + step)

    @property
    def report(self) -> str:
        """Text: how many images were read, converted, skipped, with their paths."""
        what = self.description
        classes = f" of {what.num_classes} classes" if what.num_classes else ""
        return self._report.text(
            f"{what.name}, {what.split}: {what.num_images} images{classes}, "
            f"from {what.source}"
        )

    def _batch_at(self, position):
        """A batch by its number since the start of the first epoch."""
        epoch, step = divmod(position, len(self))
        places = self._epochs.places(epoch, step)
        rows = places[1]
        if self._crop == "random":
            offsets = self._epochs.draws(places, CROP)
        else:
            offsets = np.full(len(rows), 0.5)
        images, labels, vectors = self._read(rows, offsets)
        if self._horizontal_flip:
            mirrored = self._epochs.draws(places, FLIP) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
        if self._augmentation is not None:
            generator = self._epochs.generator(epoch, step, AUGMENT)
            images = self._augmentation(images, generator)
        if vectors is not None:
            batch = {"images": images, "labels": labels, "embeddings": vectors}
            return ({key: part for key, part in batch.items() if part is not None},)
        return (images,) if labels is None else (images, labels)

    def _read(self, rows, offsets):
        """Images, labels and vectors of some rows; new arrays, or `None`."""
        vectors = self._source.embeddings
        if self._in_memory:
            labels = self._source.labels[rows] if self._conditional else None
            vectors = None if vectors is None else vectors[rows]
            return self._source.images[rows], labels, vectors
        size, channels = self.description.image_size, self.description.num_channels
        images = np.empty((len(rows), size, size, channels), "uint8")
        labels = np.empty(len(rows), "int32") if self._conditional else None
        read = np.empty(len(rows), "int64")
        for place, (index, offset) in enumerate(zip(rows, offsets, strict=True)):
            images[place], label, read[place] = self._readable(int(index), offset)
            if self._conditional:
                labels[place] = label
        return images, labels, None if vectors is None else vectors[read]

    def _readable(self, index, offset):
        """Pixels, label and place of an image, or of the next that can be read."""
        for distance in range(min(MAX_BAD_IN_A_ROW, len(self._source))):
            candidate = (index + distance) % len(self._source)
            try:
                return (*self._example(candidate, offset), candidate)
            except UnreadableImageError as error:
                last = error
                self._report.replace(error.path, error.reason)
        raise UnreadableImageError(
            self._source.path(index),
            f"{last.reason}; nor can {distance} images after it",
        )

    def _example(self, index, offset):
        path = self._source.path(index)
        if path in self._report.replaced:
            raise UnreadableImageError(path, self._report.replaced[path])
        size, exact = self.description.image_size, self._resize == "nearest"
        smallest_side = size if exact else DECODING_MARGIN * size
        image, label, conversions = self._source.example(index, smallest_side, exact)
        if conversions:
            self._report.convert(index, conversions)
        image = fit_image(image, size, self._resize, offset)
        return to_channels(image, self.description.num_channels), label


def _has_size(source, image_size, num_channels):
    """Whether the images lie in memory as they are asked for."""
    images = getattr(source, "images", None)
    shape = (image_size, image_size, num_channels)
    return images is not None and tuple(images.shape[1:]) == shape
