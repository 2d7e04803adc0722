"""A table of all logged values, one row an epoch."""

import csv
import logging
import numbers
import pathlib

import keras

from keras_sphere.backend.replicas import processes
from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.training.clear_errors import writing
from keras_sphere.training.log_order import begin_as_writer
from keras_sphere.typing import PathLike

logger = logging.getLogger("keras_sphere")


class CSVLog(keras.callbacks.Callback):
    """Writes all logs of every epoch to a CSV file, one row an epoch.

    The column `epoch` counts from 1, as the progress bar does. A training that is
    taken up again goes on in the same file. An epoch that is run again, since its end
    was not saved, replaces its row and those of later epochs. Values that are logged
    for the first time later, such as those of validation, get a column then. The file
    is replaced in one step: a kill leaves it whole, and so does a full disk.

    `keras.callbacks.CSVLogger` is not enough for that: it writes an epoch that is run
    again a second time, drops values that are not logged in the first epoch (and has
    empty columns for validation that never comes), and a kill may leave half a row.

    List it after the callbacks that add to the logs (`TrainingStatistics`,
    `MemorizationAlarm`), and before `TrainingCheckpoint`: an epoch counts as done once
    it is saved, and its row should be there then.

    Args:
        path: String or path of the file.

    Raises:
        ValueError: In `fit`, if the file is there and is not such a table.
        OSError: In `fit`, if it cannot be written. The rows so far are as they were.

    Example:

    >>> model.fit(images, callbacks=[TrainingStatistics(), CSVLog("runs/log.csv")])
    """

    def __init__(self, path: PathLike) -> None:
        super().__init__()
        self.path = pathlib.Path(path)

    def on_train_begin(self, logs=None):
        begin_as_writer(self, logs)
        self._rows = _read_rows(self.path)

    def on_epoch_end(self, epoch, logs=None):
        if processes()[0] > 0:
            return
        number = epoch + 1
        kept = [row for row in self._rows if int(row["epoch"]) < number]
        if len(self._rows) > len(kept) + 1:
            logger.warning(
                "%s: epoch %d is run again; its row and those of %d later epochs are "
                "replaced.",
                self.path,
                number,
                len(self._rows) - len(kept) - 1,
            )
        values = {name: _text(value) for name, value in (logs or {}).items()}
        self._rows = [*kept, {"epoch": str(number), **values}]
        with writing(f"The log {self.path}", "Its earlier rows are as they were"):
            _write_rows(self.path, self._rows)


def _read_rows(path):
    """The rows of a log as dicts of strings; none if there is no file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, restval=""))
    if not all((row.get("epoch") or "").isdecimal() for row in rows):
        raise ValueError(
            "A log must be a CSV table with a column `epoch` of integers. Choose "
            f"another path, or remove the file. Received: path={str(path)!r}"
        )
    return rows


def _write_rows(path, rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (
        replace_when_done(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def _text(value):
    """Numbers with all their digits."""
    return repr(float(value)) if isinstance(value, numbers.Real) else str(value)
