"""Labelled panels of images, as one picture without blur."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_sphere.optional_imports import import_optional
from keras_sphere.typing import Array
from keras_sphere.validation import read_integer
from keras_sphere.visualization.image_grid import to_uint8

TEXT_SIZE, INK, PAPER = 12, 60, 255
GAP, MARGIN = 4, 6
SMALLEST_CELL = 48


@dataclasses.dataclass(frozen=True)
class Panel:
    """Images in rows and columns, and their names.

    Args:
        images: Array of shape `(rows, columns, height, width, channels)`, 1 or 3
            channels, uint8 or float in [-1, 1].
        row_names: Sequence of one string per row; empty for none.
        column_names: Sequence of one string per column; empty for none.
        caption: String, the line above; empty for none.
    """

    images: np.ndarray
    row_names: Sequence[str] = ()
    column_names: Sequence[str] = ()
    caption: str = ""

    def __post_init__(self):
        shape = np.shape(self.images)
        if len(shape) != 5 or shape[-1] not in (1, 3) or 0 in shape:
            raise ValueError(
                "`images` must have the shape (rows, columns, height, width, channels) "
                f"with 1 or 3 channels. Received: shape {shape}"
            )
        for axis, names in enumerate((self.row_names, self.column_names)):
            if len(names) not in (0, shape[axis]):
                raise ValueError(
                    f"There must be one name per row and column, {shape[:2]}, or none. "
                    f"Received: {list(names)}"
                )


def default_scale(image_size):
    """The whole factor that makes a side of an image at least 48 pixels long."""
    return max(1, -(-SMALLEST_CELL // image_size))


def draw_panels(
    panels: Sequence[Sequence[Panel]], scale: int = 1, bare: bool = False
) -> Array:
    """Draws panels in rows, on white.

    Every image pixel becomes a square of `scale` by `scale` pixels. A column is as
    wide as its image or its name, whichever is wider.

    Args:
        panels: List of lists of `Panel`: the rows of the picture.
        scale: Integer, at least 1.
        bare: Boolean. Whether to leave out gaps and margins.

    Returns:
        uint8 array of shape `(height, width, channels)`.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If `scale` is not an integer of at least 1.
    """
    scale = read_integer("scale", scale)
    gap, margin = (0, 0) if bare else (GAP, MARGIN)
    drawn = [[_draw(panel, scale, gap) for panel in row] for row in panels]
    rows = [_joined(row, 1, 2 * margin) for row in drawn]
    picture = _joined(rows, 0, 2 * margin)
    return np.pad(
        picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=PAPER
    )


def _draw(panel, scale, gap):
    images = to_uint8(panel.images).repeat(scale, axis=2).repeat(scale, axis=3)
    rows, columns, height, width, channels = images.shape
    pitch = max([width, *(_length(name) + 4 for name in panel.column_names)]) + gap
    left = max([0, *(_length(name) + 6 for name in panel.row_names)])
    line = TEXT_SIZE + 4
    top = line * (bool(panel.caption) + bool(panel.column_names))
    size = (
        top + rows * (height + gap),
        max(left + columns * pitch, _length(panel.caption)),
    )
    paper = np.full((*size, channels), PAPER, "uint8")
    texts = [(panel.caption, left, 0, "la")]
    for row in range(rows):
        y = top + row * (height + gap)
        if panel.row_names:
            texts.append((panel.row_names[row], left - 6, y + height // 2, "rm"))
        for column in range(columns):
            x = left + column * pitch + (pitch - gap - width) // 2
            paper[y : y + height, x : x + width] = images[row, column]
    for column, name in enumerate(panel.column_names):
        middle = left + column * pitch + (pitch - gap) // 2
        texts.append((name, middle, top - line, "ma"))
    return _with_texts(paper, texts)


def _with_texts(paper, texts):
    pillow = import_optional("PIL.Image", "`draw_panels`")
    drawing = import_optional("PIL.ImageDraw", "`draw_panels`")
    gray = paper.shape[-1] == 1
    image = pillow.fromarray(paper[..., 0] if gray else paper)
    draw, ink = drawing.Draw(image), INK if gray else (INK,) * 3
    for text, x, y, anchor in texts:
        draw.text((x, y), text, fill=ink, font=_font(), anchor=anchor)
    drawn = np.array(image)
    return drawn[..., np.newaxis] if gray else drawn


def _joined(parts, axis, space):
    """Parts beside each other (axis 1) or one below the other (axis 0)."""
    other = 1 - axis
    extent = max(part.shape[other] for part in parts)
    padded = []
    for number, part in enumerate(parts):
        pad = [[0, 0], [0, 0], [0, 0]]
        pad[other][1] = extent - part.shape[other]
        pad[axis][1] = space if number < len(parts) - 1 else 0
        padded.append(np.pad(part, pad, constant_values=PAPER))
    return np.concatenate(padded, axis=axis)


def _length(text):
    return int(np.ceil(_font().getlength(text))) if text else 0


def _font():
    return import_optional("PIL.ImageFont", "`draw_panels`").load_default(TEXT_SIZE)
