"""The table of logs: kills, resumed runs, columns that come later."""

import csv
import os
import re

import numpy as np
import pytest

from keras_sphere.training import CSVLog, TrainingStatistics
from tests.training import small_fits


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_an_epoch(tmp_path):
    path = tmp_path / "new" / "log.csv"
    model = small_fits.fit_line([TrainingStatistics(), CSVLog(path)], epochs=3)
    rows = rows_of(path)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert set(rows[0]) == {"epoch", "loss", "learning_rate", "images_per_second"}
    for name, values in model.history.history.items():
        np.testing.assert_array_equal([float(row[name]) for row in rows], values)
    assert list(path.parent.iterdir()) == [path]


def test_resumed_runs_append_and_replace(tmp_path, caplog):
    path = tmp_path / "log.csv"
    model = small_fits.fit_line([CSVLog(path)], epochs=4)
    before = rows_of(path)
    # Epoch 3 (of which the end was not saved) is run again, and so is the fourth.
    small_fits.fit_line([CSVLog(path)], epochs=3, initial_epoch=2, model=model)
    after = rows_of(path)
    assert [row["epoch"] for row in after] == ["1", "2", "3"]
    assert after[:2] == before[:2]
    assert float(after[2]["loss"]) == model.history.history["loss"][0]
    assert after[2] != before[2]
    assert "epoch 3 is run again" in caplog.text
    caplog.clear()
    small_fits.fit_line([CSVLog(path)], epochs=3, initial_epoch=2, model=model)
    small_fits.fit_line([CSVLog(path)], epochs=5, initial_epoch=3, model=model)
    assert [row["epoch"] for row in rows_of(path)] == list("12345")
    assert caplog.text == ""


def test_columns_that_come_later(tmp_path):
    path = tmp_path / "log.csv"
    data = (np.ones((4, 1)), np.ones((4, 1)))
    small_fits.fit_line(
        [CSVLog(path)], epochs=3, validation_data=data, validation_freq=2
    )
    rows = rows_of(path)
    assert list(rows[0]) == ["epoch", "loss", "val_loss"]
    assert [row["val_loss"] != "" for row in rows] == [False, True, False]


def test_full_disk(tmp_path):
    path = tmp_path / "log.csv"
    log = CSVLog(path)
    model = small_fits.fit_line([log], epochs=2)
    before = path.read_bytes()
    message = rf"The log {re.escape(str(path))} could not be written .*earlier rows"
    with small_fits.full_disk(20), pytest.raises(OSError, match=message):
        small_fits.fit_line([log], epochs=3, initial_epoch=2, model=model)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", "epoch,loss\n1,0.5\ntwo,0.25\n", "epoch,loss\n,1\n"]
)
def test_a_file_of_another_kind_is_left_alone(tmp_path, content):
    path = tmp_path / "log.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"column `epoch`.*Received: path="):
        small_fits.fit_line([CSVLog(path)])
    assert path.read_text() == content


def test_kill_while_writing_leaves_the_rows(tmp_path):
    path = tmp_path / "log.csv"
    small_fits.fit_line([CSVLog(path)], epochs=2)
    before = path.read_bytes()
    process = os.fork()
    if process == 0:  # dies in the middle of a row
        os.fsync = lambda descriptor: os._exit(9)
        log = CSVLog(path)
        log.on_train_begin()
        log.on_epoch_end(2, {"loss": 1.0})
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    assert path.read_bytes() == before
