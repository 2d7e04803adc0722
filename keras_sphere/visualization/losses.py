"""Curves of the losses over epochs."""

from collections.abc import Mapping, Sequence

import numpy as np

from keras_sphere.typing import PathLike
from keras_sphere.visualization.figure import new_figure, save_figure


def plot_losses(history: Mapping[str, Sequence[float]], path: PathLike) -> None:
    """Draws every loss of a training on a logarithmic axis.

    Each loss has one color; its validation curve, if any, is dashed.

    Args:
        history: Dict from names to one value per epoch, such as
            `model.fit(...).history`. Only names that end in `loss` are drawn;
            values that are not positive and finite are left out.
        path: String or path of the picture.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If `history` has no loss.
    """
    losses = {k: v for k, v in history.items() if k.endswith("loss")}
    if not losses:
        raise ValueError(
            "`history` must have a key that ends in 'loss'. "
            f"Received: keys {sorted(history)}"
        )
    names = sorted({name.removeprefix("val_") for name in losses})
    names.sort(key=lambda name: name != "loss")
    figure = new_figure(7.0, 4.2)
    axis = figure.subplots()
    for number, name in enumerate(names):
        title = "total" if name == "loss" else name.removesuffix("_loss")
        for key, style in ((name, "-"), (f"val_{name}", "--")):
            if key in losses:
                label = title.replace("_", " ") + (", validation" * (style == "--"))
                _draw_curve(axis, losses[key], f"C{number}", style, label)
    axis.set_yscale("log")
    axis.set_xlabel("epoch")
    axis.set_ylabel("loss (unweighted; total is weighted)")
    axis.grid(True, which="both", alpha=0.25)
    axis.legend(fontsize=8)
    save_figure(figure, path)


def _draw_curve(axis, values, color, style, label):
    values = np.asarray(values, dtype="float64")
    values = np.where(np.isfinite(values) & (values > 0.0), values, np.nan)
    epochs = np.arange(1, len(values) + 1)
    marker = "o" if len(values) == 1 else None
    axis.plot(epochs, values, style, color=color, marker=marker, label=label)
