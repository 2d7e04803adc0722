"""Quality over network passes, as a picture."""

import math

from keras_sphere.visualization.figure import new_figure, save_figure

_AXES = {"frechet": "Frechet", "recall": "recall"}


def plot_quality(evaluation, path):
    """Draws Frechet distance and recall over network passes, a curve per guidance.

    Of several seeds the bars are standard deviations.

    Args:
        evaluation: `Evaluation` with generated images.
        path: String or path of the picture.
    """
    figure = new_figure(9.0, 3.8)
    axes = figure.subplots(1, 2)
    curves = {}
    for row in evaluation.rows:
        if row.passes:
            curves.setdefault((row.guidance, _loop(row)), []).append(row)
    yardsticks = [row for row in evaluation.rows if row.name == "held-out images"]
    for axis, (key, name) in zip(axes, _AXES.items(), strict=True):
        for (scale, loop), rows in sorted(curves.items()):
            rows = sorted(rows, key=lambda row: row.passes)
            axis.errorbar(
                [row.passes for row in rows],
                [row.values.get(key, math.nan) for row in rows],
                [row.spread.get(key, math.nan) for row in rows],
                fmt="o-",
                capsize=3,
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
        axis.set_ylabel(name)
        axis.grid(True, alpha=0.25)
        axis.legend(fontsize=8)
    figure.suptitle(f"Features: {evaluation.settings['network']}", fontsize=9)
    save_figure(figure, path)


def _loop(row):
    return ", refiner" if "refiner" in row.settings else ""
