"""Runs side by side."""

import json

import pytest

from keras_sphere.evaluation.results import Evaluation, Row
from keras_sphere.evaluation.run_comparison import read_runs, write_comparison

pytestmark = pytest.mark.any_backend

NAMES = ("first", "second", "third")
SETTINGS = {"network": "patches", "rounding": "down", "metrics": ["frechet"]}


def write_run(folder, rate, losses):
    """What `train` leaves: a plan and a log."""
    folder.mkdir(parents=True)
    plan = {"seed": 0, "optimizer": {"learning_rate": rate, "beta_1": 0.9}}
    (folder / "plan.json").write_text(json.dumps({"plan": plan}))
    rows = [f"{n},{loss},{10 + n}" for n, loss in enumerate(losses, 1)]
    (folder / "log.csv").write_text("\n".join(["epoch,loss,psnr", *rows]) + "\n")


def write_numbers(folder, distance, reference="images"):
    """What `evaluate` leaves."""
    settings = {**SETTINGS, "reference": {"set": reference, "count": 8}}
    row = Row("generated", {"seed": 0, "count": 8, "steps": 4}, {"frechet": distance})
    Evaluation((row,), settings).save(folder)


@pytest.fixture
def folders(tmp_path):
    first, second, third = (tmp_path / name for name in NAMES)
    write_run(first, 1e-3, [3.0, 1.0, 2.0])
    write_numbers(first, 7.25)
    write_run(second, 2e-3, [2.5])
    write_numbers(third, 5.5, reference="other images")
    return [first, second, third]


def test_what_differs_and_how_far_they_came(folders, tmp_path):
    found = write_comparison(folders, tmp_path / "page.html")
    assert found.header[1:] == list(NAMES)
    # What has no plan differs from none.
    assert found.differences == [["optimizer.learning_rate", "0.001", "0.002", "-"]]
    assert found.ends == [
        ["epoch", "3", "1", "-"],
        ["least loss", "1 at 2", "2.5 at 1", "-"],
        ["loss", "2", "2.5", "-"],
        ["psnr", "13", "11", "-"],
    ]
    assert [(row.name, row.values["frechet"]) for row in found.numbers.rows] == [
        ("first: generated", 7.25),
        ("third: generated (not comparable)", 5.5),
    ]
    page = (tmp_path / "page.html").read_text()
    for text in (*NAMES, "7.25", "optimizer.learning_rate", 'id="curves"', "base64"):
        assert text in page
    assert "optimizer.beta_1" not in str(found)


def test_folders_of_one_name(folders, tmp_path):
    write_run(tmp_path / "other" / "first", 1e-3, [1.0])
    names = [run.name for run in read_runs([folders[0], tmp_path / "other" / "first"])]
    assert names == [str(folders[0]), str(tmp_path / "other" / "first")]


def test_what_is_no_run(folders, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"plan\.json.*Received: .*nowhere"):
        read_runs([folders[0], tmp_path / "nowhere"])
    for given in (folders[:1], [folders[0], folders[0]]):
        with pytest.raises(ValueError, match="two different folders"):
            read_runs(given)
    (folders[1] / "plan.json").write_text("{}")
    with pytest.raises(ValueError, match=r"must hold the plan of a training"):
        read_runs(folders)
