"""Panels of a task, as a picture or as the frames of an animation."""

import math

import numpy as np

from keras_sphere.visualization.image_grid import to_uint8
from keras_sphere.visualization.panels import Panel, default_scale, draw_panels

MOST_PIXELS = 10**8


def check_size(num_images, settings, description):
    """Raises a `ValueError` if the images asked for are too many for one picture.

    Args:
        num_images: Integer. Images in all panels.
        settings: Dict of flag name -> value.
        description: `ModelDescription`.
    """
    side = description.image_size * _scale(settings, description)
    if num_images * side**2 > MOST_PIXELS:
        raise ValueError(
            f"The picture must have at most {MOST_PIXELS:,} pixels; ask for fewer "
            f"images or a smaller --scale. Received: {num_images:,} images of "
            f"{side} x {side} pixels"
        )


def lay_out(panels, settings, description):
    """Draws the panels.

    Args:
        panels: List of lists of `Panel`.
        settings: Dict of flag name -> value.
        description: `ModelDescription`.

    Returns:
        uint8 array of shape `(height, width, channels)`; with `layout=animation` one
        axis more in front: every column of the panels becomes a frame.
    """
    layout = settings.get("layout", "strip")
    scale = _scale(settings, description)
    bare = not settings["captions"]
    if bare:
        panels = _each(panels, lambda panel: Panel(panel.images))
    if layout == "grid":
        panels = _each(panels, _as_grid)
    if layout != "animation":
        return draw_panels(panels, scale, bare)
    columns = range(panels[0][0].images.shape[1])
    return np.stack(
        [
            draw_panels(
                _each(panels, lambda panel, k=k: _column(panel, k)), scale, bare
            )
            for k in columns
        ]
    )


def _scale(settings, description):
    return settings["scale"] or default_scale(description.image_size)


def _each(panels, function):
    return [[function(panel) for panel in row] for row in panels]


def _column(panel, k):
    return Panel(panel.images[:, k : k + 1], panel.row_names, (), panel.caption)


def _as_grid(panel):
    """A panel of one row as a nearly square one; others stay as they are."""
    rows, columns, *shape = panel.images.shape
    if rows > 1:
        return panel
    width = math.ceil(math.sqrt(columns))
    height = -(-columns // width)
    images = np.full((height * width, *shape), 255, "uint8")
    images[:columns] = to_uint8(panel.images[0])
    return Panel(images.reshape(height, width, *shape), caption=panel.caption)
