"""The result of an evaluation: a table that knows what it can be compared with."""

from __future__ import annotations

import dataclasses
import html
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.short_repr import ShortRepr, html_table
from keras_sphere.typing import PathLike
from keras_sphere.visualization.figure import new_figure, save_figure

RESULT = "evaluation.json"
COLUMNS = {
    "frechet": ("Frechet", "{:.2f}"),
    "recall": ("recall", "{:.3f}"),
    "precision": ("precision", "{:.3f}"),
    "density": ("density", "{:.3f}"),
    "coverage": ("coverage", "{:.3f}"),
    "nearest": ("nearest", "{:.3g}"),
    "class_agreement": ("class", "{:.4f}"),
    "kernel": ("kernel", "{:.4g}"),
    "inception_score": ("IS", "{:.2f}"),
    "rfid": ("rFID", "{:.2f}"),
    "psnr": ("PSNR dB", "{:.2f}"),
    "ssim": ("SSIM", "{:.4f}"),
    "lpips": ("LPIPS", "{:.4f}"),
}
# What the same is called of features that are not Inception's.
_OTHER_COLUMNS = {"inception_score": "score", "rfid": "rFrechet"}
# What must be the same for numbers to be put side by side.
_COMPARED = ("network", "reference", "rounding")


class IncomparableError(ValueError):
    """Numbers that were measured in different ways were to be put side by side."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One set of images and what was measured of it.

    Args:
        name: String.
        settings: Dict of plain values: what the set is.
        values: Dict of floats.
    """

    name: str
    settings: dict[str, Any]
    values: dict[str, float]


@dataclasses.dataclass(frozen=True, repr=False)
class Evaluation(ShortRepr):
    """What `keras_sphere.evaluate` returns; `print` shows it as a table.

    Args:
        rows: Tuple of `Row`.
        settings: Dict of plain values: feature network with its way of resizing,
            reference set, rounding of the pixels, metrics.
    """

    rows: tuple[Row, ...]
    settings: dict[str, Any]

    def _facts(self):
        return {
            "rows": ", ".join(row.name for row in self.rows),
            "features": self.settings["network"],
            "reference": self.settings["reference"]["set"],
        }

    def _repr_html_(self):
        header, *rows = self._cells()
        notes = "<br>".join(map(html.escape, self._notes()))
        return f"{html_table(rows, header)}<p>{notes}</p>"

    def _cells(self):
        """The table as lists of strings, the heading first."""
        shown = [key for key in COLUMNS if any(key in row.values for row in self.rows)]
        cells = [["", "steps", "passes", "guidance", "images"]]
        cells[0] += [self._column(key) for key in shown]
        for row in self.rows:
            line = [row.name, *map(_setting(row), ("steps", "passes"))]
            line += [_guidance(row), str(_count(row))]
            for key in shown:
                value = row.values.get(key)
                form = COLUMNS[key][1]
                line.append("-" if value is None else form.format(value))
            cells.append(line)
        return cells

    def __str__(self):
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            row[0].ljust(widths[0])
            + "".join(
                f"  {c.rjust(w)}" for c, w in zip(row[1:], widths[1:], strict=True)
            )
            for row in cells
        ]
        return "\n".join([*lines, "", *self._notes()])

    @property
    def _is_inception(self):
        return self.settings["network"].startswith("inception-")

    def _column(self, key):
        """The heading of a column: FID is what Inception measures."""
        other = None if self._is_inception else _OTHER_COLUMNS.get(key)
        return other or COLUMNS[key][0]

    def _notes(self):
        """Lines on how the numbers were measured."""
        reference = self.settings["reference"]
        no_fid = "" if self._is_inception else " Their Frechet distance is no FID."
        yield f"Features: {self.settings['network']}.{no_fid}"
        yield (
            f"Reference: {reference['set']}, {reference['count']} "
            f"({reference.get('content', 'a file')})."
        )
        yield f"Pixels: uint8, {self.settings['rounding']}."
        for weights in sorted({row.settings.get("weights", "") for row in self.rows}):
            if weights:
                yield f"Weights: {weights}."
        for name in sorted({row.settings.get("refiner", "") for row in self.rows}):
            if name:
                yield f"Refiner: {name}."
        seeds = {row.settings["seed"] for row in self.rows if "seed" in row.settings}
        if seeds:
            yield f"Seed: {', '.join(map(str, sorted(seeds)))}."

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Evaluation:
        """What `to_dict` returned, as an `Evaluation`."""
        return cls(tuple(Row(**row) for row in content["rows"]), content["settings"])

    def join(self, other: Evaluation, allow_incomparable: bool = False) -> Evaluation:
        """The rows of two evaluations in one table.

        Args:
            other: `Evaluation`.
            allow_incomparable: Boolean. Whether to join what was measured in different
                ways; each row of `other` then says so.

        Returns:
            `Evaluation`.

        Raises:
            IncomparableError: If feature network, resizing, reference set, rounding or
                number of images differ and that is not allowed.
        """
        differences = self._differences(other)
        if differences and not allow_incomparable:
            raise IncomparableError(
                "These evaluations do not compare, and `allow_incomparable` is false. "
                f"Received: {'; '.join(differences)}"
            )
        rows = other.rows
        if differences:
            rows = [
                dataclasses.replace(row, name=f"{row.name} (not comparable)")
                for row in rows
            ]
        return Evaluation((*self.rows, *rows), self.settings)

    def _differences(self, other):
        found = [
            f"{key}: {self.settings[key]} and {other.settings[key]}"
            for key in _COMPARED
            if self.settings[key] != other.settings[key]
        ]
        counts = [
            {_count(row) for row in evaluation.rows if "seed" in row.settings}
            for evaluation in (self, other)
        ]
        if all(counts) and counts[0] != counts[1]:
            found.append(f"images: {sorted(counts[0])} and {sorted(counts[1])}")
        return found

    def save(self, folder: PathLike) -> None:
        """Writes `evaluation.json`, `evaluation.txt` and `evaluation.png`.

        The picture shows the Frechet distance over network passes, with the held-out
        images as a line.
        """
        folder = pathlib.Path(folder)
        texts = {
            RESULT: json.dumps(self.to_dict(), indent=1),
            "evaluation.txt": str(self),
        }
        for name, text in texts.items():
            with replace_when_done(folder / name) as temporary:
                temporary.write_text(text + "\n", encoding="utf-8")
        if any("frechet" in row.values and _passes(row) for row in self.rows):
            plot_quality(self, folder / "evaluation.png")

    @classmethod
    def load(cls, folder: PathLike) -> Evaluation:
        """Reads what `save` wrote.

        Raises:
            FileNotFoundError: If the folder holds no evaluation.
            ValueError: If it holds something else.
        """
        path = pathlib.Path(folder) / RESULT
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no evaluation, {RESULT}, in this folder. "
                f"Received: folder={str(folder)!r}"
            )
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} must hold an evaluation. Received: {error!r}"
            ) from error


def plot_quality(evaluation, path):
    """Draws Frechet distance and recall over network passes, a curve per guidance.

    Args:
        evaluation: `Evaluation` with generated images.
        path: String or path of the picture.
    """
    figure = new_figure(9.0, 3.8)
    axes = figure.subplots(1, 2)
    curves = {}
    for row in evaluation.rows:
        if _passes(row):
            curves.setdefault((_guidance(row), _loop(row)), []).append(row)
    yardsticks = [row for row in evaluation.rows if row.name == "held-out images"]
    for axis, key in zip(axes, ("frechet", "recall"), strict=True):
        for (scale, loop), rows in sorted(curves.items()):
            rows = sorted(rows, key=_passes)
            axis.plot(
                [_passes(row) for row in rows],
                [row.values.get(key, float("nan")) for row in rows],
                "o-",
                label=f"guidance {scale}{loop}",
            )
        for row in yardsticks:
            if key in row.values:
                axis.axhline(
                    row.values[key], color="gray", linestyle="--", label=row.name
                )
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)  # a single point would choose a narrow range
        axis.set_xlabel("network passes per image (guidance counted twice)")
        axis.set_ylabel(COLUMNS[key][0])
        axis.grid(True, alpha=0.25)
        axis.legend(fontsize=8)
    figure.suptitle(f"Features: {evaluation.settings['network']}", fontsize=9)
    save_figure(figure, path)


def _guidance(row):
    """The strength of guidance: a scale, or an angle in degrees."""
    name = "guidance_scale" if "guidance_scale" in row.settings else "guidance_degrees"
    return _setting(row)(name)


def _loop(row):
    return ", refiner" if "refiner" in row.settings else ""


def _setting(row):
    def text(key):
        value = row.settings.get(key)
        return "-" if value is None else f"{value:g}"

    return text


def _count(row):
    return row.settings.get("count") or row.settings["of"]["count"]


def _passes(row):
    return row.settings.get("passes", 0)
