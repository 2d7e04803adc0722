"""Several runs side by side: what differs, how far they came, what was measured."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

from keras_sphere.evaluation.page import Page
from keras_sphere.evaluation.results import RESULT, Evaluation
from keras_sphere.preset_files.run_folders import (
    LOG_FILE,
    PLAN_FILE,
    read_log,
    read_plan,
)
from keras_sphere.readable import aligned
from keras_sphere.typing import PathLike
from keras_sphere.visualization.figure import new_figure, save_figure

CURVES = ("loss", "psnr")


@dataclasses.dataclass(frozen=True)
class ComparedRun:
    """What the folder of a training, or of an evaluation, says.

    Args:
        name: String.
        plan: Dict of dotted names, or `{}` without a plan.
        log: List of dicts of strings, one per epoch.
        evaluation: `Evaluation` or `None`.
    """

    name: str
    plan: dict[str, Any]
    log: list[dict[str, str]]
    evaluation: Evaluation | None


def read_runs(folders):
    """Reads the folders that are to be compared, without Keras.

    Args:
        folders: Sequence of strings or paths: folders of `train`, with `plan.json`, or
            of `evaluate`, with `evaluation.json`, or with both.

    Returns:
        List of `ComparedRun`; each is called as its folder, if no other one is.

    Raises:
        FileNotFoundError: If there is no such folder, or neither file in it.
        ValueError: If there are fewer than two, one twice, or a file cannot be read.
    """
    paths = [pathlib.Path(folder) for folder in folders]
    if len(paths) < 2 or len({path.resolve() for path in paths}) < len(paths):
        raise ValueError(
            "A comparison is of two different folders or more. "
            f"Received: {[str(path) for path in paths]}"
        )
    names = [path.resolve().name for path in paths]
    return [
        _read(path, name if names.count(name) == 1 else str(path))
        for path, name in zip(paths, names, strict=True)
    ]


def _read(path, name):
    plan, result = path / PLAN_FILE, path / RESULT
    if not plan.is_file() and not result.is_file():
        raise FileNotFoundError(
            f"A run to compare is a folder of `train`, with {PLAN_FILE}, or of "
            f"`evaluate`, with {RESULT}. Received: {path}"
        )
    return ComparedRun(
        name,
        read_plan(plan) if plan.is_file() else {},
        read_log(path / LOG_FILE),
        Evaluation.load(path) if result.is_file() else None,
    )


class RunComparison:
    """Runs side by side; `print` shows the tables.

    Args:
        runs: List of `ComparedRun`.

    Attributes:
        differences: List of rows of strings: what the plans say, where they differ.
        ends: List of rows of strings: the last values of the logs, and the least loss.
        numbers: `Evaluation` of all rows that were measured, or `None`.
    """

    def __init__(self, runs: Sequence[ComparedRun]) -> None:
        self.runs = runs
        self.header = ["", *(run.name for run in runs)]
        self.differences = _differences([run.plan for run in runs])
        self.ends = _ends([run.log for run in runs])
        self.numbers = _numbers(runs)

    @property
    def has_logs(self) -> bool:
        """Whether there are curves to draw."""
        return any(run.log for run in self.runs)

    def __str__(self):
        parts = []
        for title, rows in (
            ("What differs in the plans", self.differences),
            ("At the end of the logs", self.ends),
        ):
            if rows:
                parts += [f"{title}:", aligned([self.header, *rows]), ""]
        return "\n".join([*parts, str(self.numbers or "")]).rstrip()

    def write(self, path: PathLike, title: str = "Runs side by side") -> None:
        """Writes one HTML file with tables and curves, which asks for nothing else.

        Args:
            path: String or path.
            title: String.
        """
        with tempfile.TemporaryDirectory() as folder:
            page = Page(title, pathlib.Path(folder))
            if self.differences:
                page.heading("What differs in the plans")
                page.table(self.differences, self.header)
            if self.has_logs:
                page.heading("Training")
                page.table(self.ends, self.header)
                page.picture("curves", self.plot, "Losses and PSNR by epoch.")
            if self.numbers is not None:
                page.heading("Numbers")
                page.text(str(self.numbers))
            page.write(path)

    def plot(self, path: PathLike) -> None:
        """Draws loss and PSNR over the epochs, a curve per run."""
        figure = new_figure(9.0, 3.8)
        for axis, name in zip(figure.subplots(1, 2), CURVES, strict=True):
            for run in filter(lambda run: run.log, self.runs):
                rows = [row for row in run.log if row.get(name)]
                axis.plot(
                    [int(row["epoch"]) for row in rows],
                    [float(row[name]) for row in rows],
                    label=run.name,
                )
            axis.set_xlabel("epoch")
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.set_ylabel(name)
            axis.grid(True, alpha=0.25)
            axis.legend(fontsize=8)
        save_figure(figure, path)


def _differences(plans):
    names = list(dict.fromkeys(name for plan in plans for name in plan))
    rows = [[name, *(_shown(plan, name) for plan in plans)] for name in names]
    with_plan = [number for number, plan in enumerate(plans, 1) if plan]
    return [row for row in rows if len({row[number] for number in with_plan}) > 1]


def _shown(plan, name):
    if name not in plan:
        return "-"
    value = plan[name]
    return f"{value:g}" if isinstance(value, float) else json.dumps(value).strip('"')


def _ends(logs):
    """A row for each logged value, of the last epoch; first the least loss."""
    names = list(dict.fromkeys(name for log in logs for row in log for name in row))
    rows = [[name, *(_last(log, name) for log in logs)] for name in names]
    least = ["least loss", *map(_least, logs)]
    return [rows[0], least, *rows[1:]] if rows else []


def _last(log, name):
    text = log[-1].get(name, "") if log else ""
    return _number(text) if text else "-"


def _least(log):
    losses = [(float(row["loss"]), row["epoch"]) for row in log if row.get("loss")]
    return "{:.4g} at {}".format(*min(losses)) if losses else "-"


def _number(text):
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text


def _numbers(runs):
    """All rows in one table; what does not compare with the first says so."""
    joined = None
    for run in runs:
        if run.evaluation is None:
            continue
        rows = [
            dataclasses.replace(row, name=f"{run.name}: {row.name}")
            for row in run.evaluation.rows
        ]
        named = dataclasses.replace(run.evaluation, rows=tuple(rows))
        joined = named if joined is None else joined.join(named, True)
    return joined


def write_comparison(folders: Sequence[PathLike], path: PathLike) -> RunComparison:
    """Compares runs and writes what differs as one HTML file.

    Args:
        folders: See `read_runs`.
        path: String or path of the `.html` file.

    Returns:
        `RunComparison`, which prints as tables.

    Raises:
        ValueError: See `read_runs`.
        FileNotFoundError: Likewise.
        ImportError: If what draws the curves is not installed.

    Example:

    >>> runs = ["runs/first", "runs/second"]
    >>> print(keras_sphere.evaluation.write_comparison(runs, "compared.html"))
    """
    comparison = RunComparison(read_runs(folders))
    comparison.write(path)
    return comparison
