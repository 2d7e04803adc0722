"""Pictures of a training: samples and reconstructions, every few epochs."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_sphere.backend.replicas import processes
from keras_sphere.class_names import short_name
from keras_sphere.training.clear_errors import writing
from keras_sphere.training.image_source import ImageSource
from keras_sphere.training.log_order import begin_as_source
from keras_sphere.training.periodic_callback import PeriodicCallback, resolve_use_ema
from keras_sphere.typing import Labels, PathLike
from keras_sphere.validation import (
    if_given,
    read_boolean,
    read_integer,
    read_seed,
    read_sequence,
    read_share,
)
from keras_sphere.visualization import plot_image_table

LONGEST_NAME = 24  # of a row
STRENGTH_NAMES = {0.0: "no noise", 0.5: "half noise", 1.0: "full noise"}


class ImageLog(PeriodicCallback):
    """Draws samples and reconstructions every few epochs, and at the end of `fit`.

    (Not if a signal ends it: there may be no time left.)

    Into the folder go

    - `samples-epoch-0010.png`: samples in 1 and in 4 steps, from the same random
      points each time, a row for each of up to `rows` classes, spread over them all, or
      for what as many of the images are conditioned on, where they have vectors;
    - `reconstructions-epoch-0010.png`: the same images each time, of as many classes
      as possible, and what the model makes of them without noise, with half and with
      all of it.

    Epochs count from 1, as in the progress bar. The noise follows from `seed` alone,
    so pictures can be compared between epochs and runs, and the training goes on as
    it would without them, bit for bit. A picture is there as a whole or not at all.

    Args:
        folder: String or path.
        images: uint8 or float array in [-1, 1] of shape `(num_images, height, width,
            channels)`, or a dataset of `keras_sphere.data`. Images to reconstruct,
            best held-out ones.
        labels: Integers or names of classes, of shape `(num_images,)`, or `None`; a
            dataset has its own.
        every_epochs: Integer.
        rows: Integer. Rows of samples; fewer if there are fewer classes.
        columns: Integer. Samples per row; twice as many images are reconstructed.
        steps: Sequence of integers. Numbers of steps to sample with.
        strengths: Sequence of floats in [0, 1]. Shares of the noise to reconstruct
            with.
        seed: Integer. Seed of all noise.
        use_ema: Boolean, or `None` for the model's default where the optimizer keeps
            a moving average of the weights.
        batch_size: Integer or `None`. Images at a time.

    Attributes:
        pictures: Dict from `"samples"` and `"reconstructions"` to the newest files.

    Raises:
        ImportError: In `fit`, if Matplotlib is not installed.
        ValueError: If an argument is out of range; in `fit`, if the images do not
            fit the model, or a log of this package is listed before it.
        OSError: In `fit`, if a picture cannot be written, as on a full disk.

    Example:

    >>> pictures = ImageLog("runs/pictures", test_images, test_labels, every_epochs=5)
    >>> model.fit(images, labels, epochs=50, callbacks=[pictures])
    """

    def __init__(
        self,
        folder: PathLike,
        images: Any,
        labels: Labels | None = None,
        every_epochs: int = 10,
        rows: int = 8,
        columns: int = 8,
        steps: Sequence[int] = (1, 4),
        strengths: Sequence[float] = (0.0, 0.5, 1.0),
        seed: int = 0,
        use_ema: bool | None = None,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(every_epochs)
        self.folder = pathlib.Path(folder)
        self.source = ImageSource("images", images, labels)
        self.rows = read_integer("rows", rows)
        self.columns = read_integer("columns", columns)
        self.steps = read_sequence("steps", steps, read_integer)
        self.strengths = read_sequence("strengths", strengths, read_share)
        self.seed = read_seed("seed", seed)
        self.use_ema = if_given(read_boolean, "use_ema", use_ema)
        self.batch_size = if_given(read_integer, "batch_size", batch_size)
        self.pictures = {}
        self._originals = None

    def on_train_begin(self, logs=None):
        begin_as_source(self, logs)
        self.source.check(self.model.backbone)
        resolve_use_ema(self.model, self.use_ema)
        self._last_epoch = self._drawn_epoch = None

    def on_epoch_end(self, epoch, logs=None):
        self._last_epoch = epoch
        if self.is_due(epoch):
            self._draw(epoch)

    def on_train_end(self, logs=None):
        is_early = self._last_epoch != self._drawn_epoch
        if is_early and not self.is_told_to_end:
            self._draw(self._last_epoch)

    def _draw(self, epoch):
        self._drawn_epoch = epoch
        options = {
            "seed": self.seed,
            "use_ema": resolve_use_ema(self.model, self.use_ema),
            "batch_size": self.batch_size,
        }
        tables = {
            "samples": self._samples(options),
            "reconstructions": self._reconstructions(options),
        }
        if processes()[0] > 0:  # all generate, one writes
            return
        pictures = {}
        for name, (groups, row_names) in tables.items():
            path = self.folder / f"{name}-epoch-{epoch + 1:04d}.png"
            with writing(f"The picture {path}", "The earlier ones are as they were"):
                plot_image_table(groups, row_names, path, title=f"epoch {epoch + 1}")
            pictures[name] = path
        self.pictures = pictures

    def _samples(self, options):
        """Groups and names of rows for `plot_image_table`."""
        classes, backbone = self._classes(), self.model.backbone
        chosen = self.source.spread_indices(self.rows)
        conditions = self.source.conditions(backbone, chosen)
        if conditions is not None and conditions.ndim == 2:
            labels = conditions.repeat(self.columns, axis=0)
            rows, arguments = len(chosen), {"labels": labels}
            names = [caption[:LONGEST_NAME] for caption in self.source.captions(chosen)]
        elif classes is None:
            rows, arguments = self.rows, {"num_images": self.rows * self.columns}
            names = [""] * rows
        else:
            rows, arguments = len(classes), {"labels": classes.repeat(self.columns)}
            known = self.model.backbone.class_names or self.source.class_names
            names = [short_name(label, known) for label in classes]
        groups = {}
        for steps in self.steps:
            images = self.model.generate(steps=steps, **arguments, **options)
            shape = (rows, self.columns, *images.shape[1:])
            groups[f"{steps} step{'s' * (steps > 1)}"] = images.reshape(shape)
        return groups, names

    def _reconstructions(self, options):
        """Groups and names of rows for `plot_image_table`."""
        if self._originals is None:
            chosen = self.source.spread_over_classes(2 * self.columns)
            labels = self.source.conditions(self.model.backbone, chosen)
            self._originals = self.source.take(chosen)[0], labels
        images, labels = self._originals
        is_bytes = images.dtype == np.uint8
        rows = {"image": images / 127.5 - 1.0 if is_bytes else images}
        for strength in self.strengths:
            name = STRENGTH_NAMES.get(strength, f"{strength:g} of the noise")
            rows[name] = self.model.reconstruct(images, labels, strength, **options)
        return {"": np.stack(list(rows.values()))}, list(rows)

    def _classes(self):
        """Classes to sample, evenly from all; `None` without classes."""
        num_classes = self.model.backbone.num_classes
        if not num_classes:
            return None
        spread = np.linspace(0, num_classes - 1, min(self.rows, num_classes))
        return spread.round().astype("int32")
