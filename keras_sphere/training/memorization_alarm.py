"""Warns when generated images come too near to training images."""

import logging
from typing import Any

import numpy as np

from keras_sphere.metrics import nearest_distances
from keras_sphere.training.image_source import ImageSource
from keras_sphere.training.log_order import begin_as_source
from keras_sphere.training.periodic_callback import PeriodicCallback, resolve_use_ema
from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_positive,
    read_seed,
)

logger = logging.getLogger("keras_sphere")

CHUNK_IMAGES = 1024  # read, shrunk and compared at a time
GRAY_LEVEL = 1.0 / 255.0


class MemorizationAlarm(PeriodicCallback):
    """Compares how near samples and held-out images are to the training images.

    The method is known to over-fit small data sets. Every few epochs, and after the
    last one planned, it generates images and takes the distance of each to its nearest
    training image; the same for real images that were held out. It logs

    - `nearest_train_distance_of_samples` and `nearest_train_distance_of_held_out`:
      the medians;
    - `nearest_train_distance_ratio`: the first by the second.

    A ratio below `threshold` is said through the logger `keras_sphere`: the samples
    are nearer to the training images than unseen images of the same kind are, so
    some have been copied. That is a hint, no proof: a sample that is merely blurred is
    nearer to everything. Look at the samples beside their nearest neighbors.

    The distance is the root mean square of the difference of pixels in [0, 1], of
    images shrunk by averages over squares to at most `max_side` pixels. Of more than
    `max_train_images` training images, so many are compared with, evenly from the
    first to the last: then copies of the others are not seen. They are kept shrunk,
    one byte a value, 154 MB at 50,000 color images of 32 pixels.

    Args:
        train: uint8 or float array in [-1, 1] of shape `(num_images, height, width,
            channels)`, or a dataset of `keras_sphere.data`. The training images.
        held_out: The same, of images that are not trained on.
        every_epochs: Integer.
        num_samples: Integer. Images to generate; at most so many held-out images,
            spread evenly, are compared.
        threshold: Float. Ratio below which to warn.
        max_train_images: Integer.
        max_side: Integer. Pixels.
        seed: Integer. Seed of the noise, the same each time.
        use_ema: As for `ImageLog`.
        batch_size: Integer or `None`. Images generated at a time.

    Attributes:
        is_raised: Boolean. Whether the newest ratio is below the threshold.

    Raises:
        ImportError: In `fit`, if SciPy is not installed.
        ValueError: If an argument is out of range; in `fit`, if the images do not
            fit the model, or a log of this package is listed before it.

    Example:

    >>> alarm = MemorizationAlarm(images, test_images, every_epochs=20)
    >>> model.fit(images, epochs=100, callbacks=[alarm, CSVLog("runs/log.csv")])
    """

    def __init__(
        self,
        train: Any,
        held_out: Any,
        every_epochs: int = 10,
        num_samples: int = 256,
        threshold: float = 1.0,
        max_train_images: int = 50_000,
        max_side: int = 32,
        seed: int = 0,
        use_ema: bool | None = None,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(every_epochs)
        self.train = ImageSource("train", train)
        self.held_out = ImageSource("held_out", held_out)
        self.num_samples = read_integer("num_samples", num_samples)
        self.threshold = read_positive("threshold", threshold)
        self.max_train_images = read_integer("max_train_images", max_train_images)
        self.max_side = read_integer("max_side", max_side)
        self.seed = read_seed("seed", seed)
        self.use_ema = if_given(read_boolean, "use_ema", use_ema)
        self.batch_size = if_given(read_integer, "batch_size", batch_size)
        self.is_raised = False
        self._train_chunks = None
        self._of_held_out = None

    def on_train_begin(self, logs=None):
        begin_as_source(self, logs)
        self.train.check(self.model.backbone)
        self.held_out.check(self.model.backbone)
        resolve_use_ema(self.model, self.use_ema)

    def on_epoch_end(self, epoch, logs=None):
        if not self.is_due(epoch):
            return
        if self._of_held_out is None:
            self._train_chunks = list(self._read_train())
            chosen = self.held_out.spread_indices(self.num_samples)
            self._of_held_out = self._median_distance(self.held_out.take(chosen)[0])
        of_samples = self._median_distance(self._generate())
        is_measured = self._of_held_out > GRAY_LEVEL
        ratio = of_samples / self._of_held_out if is_measured else float("nan")
        self.is_raised = ratio < self.threshold
        if logs is not None:
            logs["nearest_train_distance_of_samples"] = of_samples
            logs["nearest_train_distance_of_held_out"] = self._of_held_out
            logs["nearest_train_distance_ratio"] = ratio
        self._tell(epoch + 1, of_samples, ratio)

    def _tell(self, epoch, of_samples, ratio):
        if np.isnan(ratio):
            logger.warning(
                "Memorization cannot be measured: most held-out images are among the "
                "training images."
            )
        elif self.is_raised:
            logger.warning(
                "Memorization: after epoch %d the nearest training image of a sample "
                "is at a distance of %.4f, that of a held-out image at %.4f (medians; "
                "ratio %.2f, below %g). The model may be copying its training images.",
                epoch,
                of_samples,
                self._of_held_out,
                ratio,
                self.threshold,
            )

    def _generate(self):
        backbone = self.model.backbone
        labels = np.arange(self.num_samples) % max(backbone.num_classes, 1)
        labels = labels if backbone.num_classes else None
        if backbone.condition_dim:
            chosen = np.arange(self.num_samples) % self.train.num_images
            labels = self.train.conditions(backbone, chosen)
        return self.model.generate(
            self.num_samples,
            labels=labels,
            seed=self.seed,
            use_ema=resolve_use_ema(self.model, self.use_ema),
            batch_size=self.batch_size,
        )

    def _read_train(self):
        """Yields the training images, shrunk, as uint8."""
        indices = self.train.spread_indices(self.max_train_images)
        for start in range(0, len(indices), CHUNK_IMAGES):
            images, _ = self.train.take(indices[start : start + CHUNK_IMAGES])
            yield np.rint(255.0 * shrink(images, self.max_side)).astype("uint8")

    def _median_distance(self, images):
        """Median over images of the distance to the nearest training image."""
        images = shrink(images, self.max_side)
        nearest = np.full(len(images), np.inf)
        for chunk in self._train_chunks:
            distances = nearest_distances(images, chunk.astype("float32") / 255.0)
            nearest = np.minimum(nearest, distances)
        return float(np.median(nearest) / np.sqrt(images[0].size))


def shrink(images, max_side):
    """Images in [0, 1], averaged over squares until they have at most `max_side`.

    Args:
        images: Array of shape `(batch, side, side, channels)`, uint8 or float in
            [-1, 1].
        max_side: Integer. An edge that does not fill a square is repeated.

    Returns:
        float32 array of shape `(batch, new_side, new_side, channels)`.
    """
    is_bytes = images.dtype == np.uint8
    images = images.astype("float32")
    images = np.clip(images / 255.0 if is_bytes else (images + 1.0) / 2.0, 0.0, 1.0)
    batch, side, _, channels = images.shape
    new_side = min(side, max_side)
    factor = -(-side // new_side)
    new_side = -(-side // factor)
    missing = new_side * factor - side
    images = np.pad(images, ((0, 0), (0, missing), (0, missing), (0, 0)), mode="edge")
    squares = (batch, new_side, factor, new_side, factor, channels)
    return images.reshape(squares).mean(axis=(2, 4))
