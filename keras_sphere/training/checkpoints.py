"""Saving a training while it runs, and going on with it exactly."""

import math
import pathlib
import time
import warnings
from collections.abc import Callable

import keras

from keras_sphere.backend.operations import sync_variables
from keras_sphere.backend.replicas import (
    alone,
    processes,
    summed_over_processes,
    wait_for_processes,
    whole_variables,
)
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.models.finite_loss_guard import NonFiniteLossError
from keras_sphere.training.checkpoint_store import INDEX_COPY, CheckpointStore
from keras_sphere.training.training_state import (
    Position,
    Progress,
    check_resumable,
    load_state,
    restore_metrics,
    save_state,
)
from keras_sphere.typing import PathLike
from keras_sphere.validation import check_choice, if_given, read_integer


class TrainingCheckpoint(keras.callbacks.Callback):
    """Saves checkpoints during `fit`, and resumes from the newest one.

    Every checkpoint is a folder with `model.keras`, an ordinary file of the compiled
    model, and `state.json`. A run that resumes draws the noise, takes the steps and
    logs the losses that the uninterrupted run would have, bit for bit on one backend
    and machine, if the batches are the same too: `ShuffledBatches` starts anywhere.

    List it after the callbacks that write logs, whose rows a repeated epoch replaces,
    and before those that may stop the training. Of several processes the first one
    writes, and all read when they resume: `directory` must be the same folder for
    them. What was saved on some number of devices goes on, exactly, on any other.

    Args:
        directory: String or path. One training, one directory.
        every_steps: Integer or `None`. Save after so many steps.
        every_epochs: Integer or `None`. Save after so many epochs. If both are
            `None`, after each. The end of the training is always saved.
        keep: Integer. How many of the newest checkpoints to keep.
        monitor: String or `None`. Name of a logged value, such as `"val_loss"`; the
            checkpoint with its best value is kept as well.
        mode: `"min"` or `"max"`: which value is the best.
        write_more: Callable or `None`. It is given the model, the folder of each new
            checkpoint and `Progress` (`steps` and `seconds`), and may write more files
            there. Of several processes the first one calls it.

    Raises:
        NonFiniteLossError: In `fit`, rather than to save weights that are not finite.
        ValueError: In `fit`, if a layer has LoRA enabled.
        OSError: In `fit`, if a checkpoint cannot be written.

    Example:

    >>> batches = ShuffledBatches(images, labels, batch_size=32, seed=0)
    >>> checkpoint = TrainingCheckpoint("runs/digits", every_steps=500)
    >>> start = checkpoint.resume(model)  # (0, 0) the first time
    >>> model.fit(
    ...     batches.starting_at(*start),
    ...     steps_per_epoch=len(batches),
    ...     initial_epoch=start.epoch,
    ...     epochs=80,
    ...     shuffle=False,  # the batches are shuffled already
    ...     callbacks=[checkpoint],
    ... )
    """

    def __init__(
        self,
        directory: PathLike,
        every_steps: int | None = None,
        every_epochs: int | None = None,
        keep: int = 3,
        monitor: str | None = None,
        mode: str = "min",
        write_more: Callable[[keras.Model, pathlib.Path, Progress], object]
        | None = None,
    ) -> None:
        super().__init__()
        if every_steps is None and every_epochs is None:
            every_epochs = 1
        self.store = CheckpointStore(directory, keep, mode)
        self.every_steps = if_given(read_integer, "every_steps", every_steps)
        self.every_epochs = if_given(read_integer, "every_epochs", every_epochs)
        self.monitor = monitor
        self.write_more = write_more
        self._position = Position()  # how far the training is
        self._steps_done = 0
        self._seconds_before = 0.0  # trained before this `fit`
        self._begin = None  # of this `fit`, while it runs
        self._steps_at_save = 0
        self._saved_position = None
        self._resumed = None  # the loaded state, until `fit` has taken it up
        self._owns_directory = False
        self._cut_epoch = False
        self._told = False

    def resume(self, model: keras.Model, on_corrupt: str = "raise") -> Position:
        """Brings a model to where the newest checkpoint was saved.

        Args:
            model: Model built and compiled as before; it is left alone if there is
                no checkpoint yet.
            on_corrupt: `"raise"`, or `"previous"` to take the newest checkpoint that
                is not damaged.

        Returns:
            `Position` to go on from: an epoch, and how many steps of it are done.

        Raises:
            CorruptFileError: If a file is damaged or missing.
            ValueError: If the model or its optimizer is not like the saved one.
        """
        self._resumed = _load(self.store, model, "newest", on_corrupt)
        self._owns_directory = True
        if self._resumed is not None:
            self._position = self._resumed["position"]
            self._steps_done, self._seconds_before = self._resumed["progress"]
            self._steps_at_save = self._steps_done
        return self._position

    @property
    def progress(self) -> Progress:
        """`Progress` up to now, over all processes' lives, without what they lost."""
        present = 0.0 if self._begin is None else time.monotonic() - self._begin
        return Progress(self._steps_done, self._seconds_before + present)

    def on_train_begin(self, logs=None):
        check_resumable(self.model)
        steps, together = self.params["steps"], self.model.steps_per_execution
        if steps and steps % together:
            raise ValueError(
                "`steps_per_execution` must divide the steps of an epoch, so that an "
                "epoch ends where it should. Received: "
                f"steps_per_execution={together}, {steps} steps"
            )
        if not self._owns_directory and self.store.entries():
            raise ValueError(
                "There are checkpoints of another training. Call `resume(model)` "
                "before `fit`, or choose an empty directory. Received: "
                f"directory={str(self.store.directory)!r}"
            )
        self._owns_directory = True
        self._saved_position = None
        self._begin = time.monotonic()
        if self._resumed and self._position.step:
            expected = self._resumed["steps_per_epoch"]
            if expected != steps:
                raise ValueError(
                    "The middle of an epoch can be taken up only with as many steps "
                    f"per epoch as before, {expected}. Received: {steps} steps"
                )

    def on_train_end(self, logs=None):
        self._seconds_before, self._begin = self.progress.seconds, None

    def on_epoch_begin(self, epoch, logs=None):
        self._offset = 0
        if self._resumed:
            if epoch != self._position.epoch:
                raise ValueError(
                    "Pass what `resume` returned to `fit`: `initial_epoch=start.epoch`"
                    f", here {self._position.epoch}. Received: initial_epoch={epoch}"
                )
            self._offset = self._position.step
            if self._offset:
                restore_metrics(self.model, self._resumed["metrics"])
            self._resumed = None
        self._position = Position(epoch, self._offset)

    def on_train_batch_end(self, batch, logs=None):
        done = self._offset + batch + 1
        self._steps_done += done - self._position.step
        self._position = Position(self._position.epoch, done)
        if self.params["steps"] and done >= self.params["steps"]:
            if self._offset and not self.model.stop_training:
                self.model.stop_training = self._cut_epoch = True
        elif self._is_due() or self.model.stop_training:  # at once: no time may be left
            self._save(logs)

    def on_epoch_end(self, epoch, logs=None):
        if self._cut_epoch:  # Keras has left the epoch, not the training
            self.model.stop_training = self._cut_epoch = False
        if self._position.step >= (self.params["steps"] or 0):
            self._position = Position(epoch + 1, 0)
        is_turn = self.every_epochs and (epoch + 1) % self.every_epochs == 0
        is_last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        is_needed = is_turn or is_last or self._is_due()
        if is_needed and self._position != self._saved_position:
            self._save(logs)

    def _is_due(self):
        if self.every_steps is None:
            return False
        return self._steps_done // self.every_steps > (
            self._steps_at_save // self.every_steps
        )

    def _save(self, logs):
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                f"The loss is {loss}: training has diverged. No checkpoint was saved; "
                "the earlier ones are as they were."
            )
        value = self._value(logs or {})
        sync_variables(self.model)
        variables = [*self.model.variables, *self.model.optimizer.variables]
        with (
            whole_variables(variables),
            summed_over_processes(self.model.metrics_variables),
        ):
            if processes()[0] == 0:
                with alone():
                    self.store.save(self._write, value)
        wait_for_processes("checkpoint")
        self._steps_at_save = self._steps_done
        self._saved_position = self._position

    def _write(self, folder):
        progress = self.progress
        steps = self.params["steps"]
        save_state(self.model, folder, self._position, steps, *progress)
        if self.write_more is not None:
            self.write_more(self.model, folder, progress)

    def _value(self, logs):
        """The monitored value, if it was logged and is a number."""
        value = logs.get(self.monitor)
        if self.monitor and value is None and not self._told:
            self._told = True
            warnings.warn(
                "A checkpoint without the monitored value cannot be the best one. "
                f"Received: monitor={self.monitor!r}, logged: {sorted(logs)}",
                stacklevel=2,
            )
        return None if value is None or not math.isfinite(value) else float(value)


def restore(
    model: keras.Model,
    directory: PathLike,
    which: str = "newest",
    on_corrupt: str = "raise",
) -> Position:
    """Brings a model to a checkpoint, to look at it or to use it.

    To go on with the training, use `TrainingCheckpoint.resume`.

    Args:
        model: Model built and compiled as the saved one was.
        directory: String or path. What was given to `TrainingCheckpoint`.
        which: `"newest"`, or `"best"` by the monitored value.
        on_corrupt: `"raise"`, or `"previous"`: see `TrainingCheckpoint.resume`.

    Returns:
        `Position` of the checkpoint.

    Raises:
        FileNotFoundError: If there is none.
        CorruptFileError: If a file is damaged or missing.
        ValueError: If the model or its optimizer is not like the saved one.
    """
    check_choice("which", which, ("newest", "best"))
    state = _load(CheckpointStore(directory), model, which, on_corrupt)
    if state is None:
        raise FileNotFoundError(
            f"There is no checkpoint to restore. Received: directory={directory}, "
            f"which={which!r}"
        )
    return state["position"]


def _load(store, model, which, on_corrupt):
    """Loads the first checkpoint that is whole; `None` if there are none at all."""
    check_choice("on_corrupt", on_corrupt, ("raise", "previous"))
    first_error = None
    try:
        entries = store.entries()
    except CorruptFileError as error:
        if on_corrupt == "raise":
            raise
        first_error, entries = error, store.entries(INDEX_COPY)
    if which == "best":
        entries = [entry for entry in entries if entry["is_best"]]
    for entry in reversed(entries):
        try:
            return load_state(model, store.open(entry))
        except CorruptFileError as error:
            if on_corrupt == "raise":
                raise
            first_error = first_error or error
    if first_error is not None:
        raise first_error
    return None
