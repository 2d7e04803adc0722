"""Curves and pictures for TensorBoard, written without TensorFlow."""

from __future__ import annotations

import os
import pathlib
import time
import uuid
from typing import TYPE_CHECKING

import keras

from keras_sphere.backend.operations import sync_variables
from keras_sphere.backend.replicas import processes
from keras_sphere.optional_imports import import_optional
from keras_sphere.training.clear_errors import writing
from keras_sphere.training.log_order import begin_as_writer
from keras_sphere.typing import PathLike
from keras_sphere.validation import if_given, read_integer

if TYPE_CHECKING:
    from keras_sphere.training.image_log import ImageLog


class TensorBoardLog(keras.callbacks.Callback):
    """Writes all logs, and the pictures of an `ImageLog`, for TensorBoard.

    The horizontal axis counts the optimizer's steps. Values of an epoch are at
    `epoch/<name>`; with `every_steps` the running means inside an epoch are at
    `step/<name>`, which makes JAX wait for these steps. Look at them with
    `tensorboard --logdir <folder>`.

    A training that is taken up again goes on in the same folder: TensorBoard hides
    what an interrupted run wrote after the step that is gone on from. Everything is
    on the disk at the end of each epoch.

    `keras.callbacks.TensorBoard` needs TensorFlow; this one needs tensorboardX, and
    writes in `fit` itself, since the thread of its `SummaryWriter` dies silently when
    the disk is full, and training then waits for it forever.

    List it after the callbacks that add to the logs, and after its `ImageLog`.

    Args:
        folder: String or path.
        every_steps: Integer or `None`. Also write the running means after so many
            steps of an epoch.
        image_log: `ImageLog` whose pictures to write too, or `None`.

    Raises:
        ImportError: If tensorboardX is not installed.
        OSError: In `fit`, if the folder cannot be written to.

    Example:

    >>> pictures = ImageLog("runs/pictures", images, labels)
    >>> log = TensorBoardLog("runs/tensorboard", image_log=pictures)
    >>> model.fit(images, labels, callbacks=[TrainingStatistics(), pictures, log])
    """

    def __init__(
        self,
        folder: PathLike,
        every_steps: int | None = None,
        image_log: ImageLog | None = None,
    ) -> None:
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.every_steps = if_given(read_integer, "every_steps", every_steps)
        self.image_log = image_log
        self._files = _import("tensorboardX.event_file_writer")
        self._events = _import("tensorboardX.proto.event_pb2")
        self._summaries = _import("tensorboardX.proto.summary_pb2")
        self._writer = None
        self._written_pictures = None

    def on_train_begin(self, logs=None):
        begin_as_writer(self, logs)
        self._close()
        self._steps_at_begin = self._steps()

    def on_epoch_begin(self, epoch, logs=None):
        self._last_batch = -1

    def on_train_batch_begin(self, batch, logs=None):
        is_writer = processes()[0] == 0
        if is_writer and self._writer is None:  # not earlier: it may yet be refused
            self._open()

    def on_train_batch_end(self, batch, logs=None):
        if not self.every_steps:
            return
        before, done = self._last_batch + 1, batch + 1
        self._last_batch = batch
        if done // self.every_steps > before // self.every_steps:
            self._write_scalars("step", logs)

    def on_epoch_end(self, epoch, logs=None):
        self._write_scalars("epoch", {"number": epoch + 1, **(logs or {})})
        self._write_pictures()
        self._flush()

    def on_train_end(self, logs=None):
        self._write_pictures()
        self._close()

    def _write_scalars(self, group, logs):
        values = [
            self._summaries.Summary.Value(tag=f"{group}/{name}", simple_value=value)
            for name, value in (logs or {}).items()
            if isinstance(value, (int, float))
        ]
        summary = self._summaries.Summary(value=values)
        self._write(summary=summary, step=self._steps())

    def _write_pictures(self):
        pictures = getattr(self.image_log, "pictures", None)
        if not pictures or pictures == self._written_pictures:
            return
        self._written_pictures = dict(pictures)
        summary = self._summaries.Summary(
            value=[self._picture(name, path) for name, path in pictures.items()]
        )
        self._write(summary=summary, step=self._steps())

    def _picture(self, name, path):
        with import_optional("PIL.Image", "`TensorBoardLog`").open(path) as image:
            width, height = image.size
            channels = len(image.getbands())
        picture = self._summaries.Summary.Image(
            height=height,
            width=width,
            colorspace=channels,
            encoded_image_string=path.read_bytes(),
        )
        return self._summaries.Summary.Value(tag=f"pictures/{name}", image=picture)

    def _steps(self):
        """Steps since the start of the training, interrupted runs included."""
        sync_variables(self.model)
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def _open(self):
        with self._clearly():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = self._files.EventsWriter(
                os.fspath(self.folder / "events"), f".{uuid.uuid4().hex[:8]}"
            )
        # Of other files in the folder, this hides what has this step or a later one.
        start = self._events.SessionLog(status=self._events.SessionLog.START)
        self._write(session_log=start, step=self._steps_at_begin + 1)
        self._flush()

    def _write(self, **content):
        if self._writer is None:  # of several processes one writes
            return
        with self._clearly():
            self._writer.write_event(
                self._events.Event(wall_time=time.time(), **content)
            )

    def _flush(self):
        if self._writer is None:
            return
        with self._clearly():
            self._writer.flush()

    def _close(self):
        writer, self._writer = self._writer, None
        if writer is not None:
            with self._clearly():
                writer.close()

    def _clearly(self):
        return writing(
            f"The TensorBoard log {self.folder}", "What it has so far is kept"
        )


def _import(module):
    return import_optional(module, "`TensorBoardLog`", extra="train")
