"""Tables of images with captions."""

from collections.abc import Mapping, Sequence

import numpy as np

from keras_sphere.typing import Array, PathLike
from keras_sphere.visualization.figure import new_figure, save_figure
from keras_sphere.visualization.image_grid import PADDING, image_grid, to_uint8

CELL_INCHES = 0.42
LINE_INCHES = 0.35
LETTER_INCHES = 0.1
DOTS_PER_INCH = 150


def plot_image_table(
    groups: Mapping[str, Array],
    row_names: Sequence[str],
    path: PathLike,
    title: str | None = None,
) -> None:
    """Draws a table of images: named rows, and groups of columns with captions.

    The picture has at least as many dots as the images have pixels.

    Args:
        groups: Dict from a caption, such as `"4 steps"`, to an array of shape
            `(rows, columns, height, width, channels)`, uint8 or float in [-1, 1].
            All groups have the same number of rows.
        row_names: Sequence of one name per row.
        path: String or path of the picture.
        title: String or `None`. Line above the table.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there is no group, or a group is not of the values and the shape
            above with one row per name.

    Example:

    >>> images = model.generate(labels=np.repeat(np.arange(10), 8), steps=1)
    >>> rows = images.reshape(10, 8, *images.shape[1:])
    >>> plot_image_table({"1 step": rows}, range(10), "samples.png")
    """
    groups = {caption: to_uint8(images, "groups") for caption, images in groups.items()}
    _check_groups(groups, row_names)
    columns = [images.shape[1] for images in groups.values()]
    figure = new_figure(*_size_in_inches(columns, groups, row_names, title))
    axes = figure.subplots(1, len(groups), squeeze=False, width_ratios=columns)[0]
    for number, (axis, (caption, images)) in enumerate(
        zip(axes, groups.items(), strict=True)
    ):
        _draw_group(axis, caption, images, row_names if number == 0 else None)
    if title:
        figure.suptitle(title, fontsize=11)
    side = max(images.shape[2] + PADDING for images in groups.values())
    dots_per_inch = max(DOTS_PER_INCH, round(side / CELL_INCHES))
    save_figure(figure, path, dots_per_inch=dots_per_inch)


def _size_in_inches(columns, groups, row_names, title):
    letters = max(len(str(name)) for name in row_names)
    width = CELL_INCHES * (sum(columns) + 0.4 * len(columns)) + LETTER_INCHES * letters
    lines = bool(title) + any(groups)
    return width, CELL_INCHES * len(row_names) + LINE_INCHES * lines + 0.1


def _check_groups(groups, row_names):
    if not groups:
        raise ValueError(
            f"`groups` must have at least one entry. Received: groups={groups}"
        )
    for caption, images in groups.items():
        if images.ndim != 5 or images.shape[0] != len(row_names):
            raise ValueError(
                "`groups` must hold arrays of the shape (rows, columns, height, "
                f"width, channels), with {len(row_names)} rows as in `row_names`. "
                f"Received: {caption!r} of shape {images.shape}"
            )


def _draw_group(axis, caption, images, row_names):
    """Shows one group; with `row_names`, names its rows on the left."""
    rows, columns, height = images.shape[:3]
    grid = image_grid(images.reshape(rows * columns, *images.shape[2:]), columns)
    if grid.shape[-1] == 1:
        grid = grid.repeat(3, axis=-1)
    axis.imshow(grid, interpolation="nearest")
    axis.set_title(caption, fontsize=10)
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    if row_names is None:
        axis.set_yticks([])
        return
    centers = PADDING + (height - 1) / 2.0 + np.arange(rows) * (height + PADDING)
    axis.set_yticks(centers, [str(name) for name in row_names], fontsize=10)
