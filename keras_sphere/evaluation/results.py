"""The result of an evaluation: a table that knows what it can be compared with."""

from __future__ import annotations

import dataclasses
import html
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_sphere.evaluation.quality_plot import plot_quality
from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.readable import aligned
from keras_sphere.short_repr import ShortRepr, html_table
from keras_sphere.typing import PathLike

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
        values: Dict of floats; of several seeds the means.
        spread: Dict of floats: standard deviations over seeds, if there are several.
        each: Tuple of dicts of floats: the values of each seed, likewise.
    """

    name: str
    settings: dict[str, Any]
    values: dict[str, float]
    spread: dict[str, float] = dataclasses.field(default_factory=dict)
    each: tuple[dict[str, float], ...] = ()

    def text(self, key: str) -> str:
        """A value as tables show it; `-` where there is none."""
        if key not in self.values:
            return "-"
        form = COLUMNS[key][1]
        text = form.format(self.values[key])
        return f"{text} ± {form.format(self.spread[key])}" if self.spread else text

    @property
    def passes(self) -> float:
        """Network passes per image; 0 if no model made the images."""
        return self.settings.get("passes", 0)

    @property
    def guidance(self) -> str:
        """The strength of guidance as text: a scale, or an angle in degrees."""
        names = ("guidance_scale", "guidance_degrees")
        return self.setting(names["guidance_scale" not in self.settings])

    def setting(self, key: str) -> str:
        """A setting as tables show it."""
        value = self.settings.get(key)
        return "-" if value is None else f"{value:g}"


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
            line = [row.name, *map(row.setting, ("steps", "passes"))]
            line += [row.guidance, str(_count(row))]
            cells.append([*line, *map(row.text, shown)])
        return cells

    def __str__(self):
        return "\n".join([aligned(self._cells()), "", *self._notes()])

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
        seeds = {seed for row in self.rows for seed in seeds_of(row)}
        if seeds:
            yield f"Seed: {', '.join(map(str, sorted(seeds)))}."
        if any(row.spread for row in self.rows):
            yield "Of several seeds: mean ± standard deviation."
        for text in self.settings.get("not_measured", ()):
            yield f"Not measured: {text}."

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Evaluation:
        """What `to_dict` returned, as an `Evaluation`."""
        rows = ({**row, "each": tuple(row.get("each", ()))} for row in content["rows"])
        return cls(tuple(Row(**row) for row in rows), content["settings"])

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
        if any("frechet" in row.values and row.passes for row in self.rows):
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


def row_of_seeds(rows):
    """One row of what was measured with several seeds; a single one stays as it is.

    Args:
        rows: List of `Row`, one per seed, equal but for that.

    Returns:
        `Row` of the means, with standard deviations (over n - 1) and the values of
        each seed.
    """
    if len(rows) == 1:
        return rows[0]
    each = tuple(row.values for row in rows)
    names = [name for name in each[0] if all(name in values for values in each)]
    columns = {name: [values[name] for values in each] for name in names}
    seeds = [row.settings["seed"] for row in rows]
    return Row(
        rows[0].name,
        {**rows[0].settings, "seeds": seeds},
        {name: float(np.mean(column)) for name, column in columns.items()},
        {name: float(np.std(column, ddof=1)) for name, column in columns.items()},
        each,
    )


def seeds_of(row):
    """The seeds of a row's images; none if no model made them."""
    one = [row.settings["seed"]] if "seed" in row.settings else []
    return row.settings.get("seeds", one)


def _count(row):
    return row.settings.get("count") or row.settings["of"]["count"]
