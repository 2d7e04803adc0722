"""Matplotlib figures that need no display and leave no global state."""

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.optional_imports import import_optional

PACKAGE = ("matplotlib.figure", "Plotting")


def new_figure(width, height):
    """Creates an empty figure of that many inches, drawn by Agg."""
    figures = import_optional(*PACKAGE)
    agg = import_optional("matplotlib.backends.backend_agg", "Plotting")
    figure = figures.Figure(figsize=(width, height), layout="constrained")
    agg.FigureCanvasAgg(figure)
    return figure


def save_figure(figure, path, dots_per_inch=120):
    """Writes a figure, under a temporary name until it is complete."""
    with replace_when_done(path) as temporary:
        figure.savefig(
            temporary,
            dpi=dots_per_inch,
            facecolor="white",
            bbox_inches="tight",
            pad_inches=0.1,
        )
