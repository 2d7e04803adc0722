"""What there is to load, as text."""

import textwrap
from typing import Any

from keras_sphere.angle_gap import describe_gap
from keras_sphere.class_names import describe_classes
from keras_sphere.preset_files.card import describe_weights
from keras_sphere.preset_files.hub_metadata import without_front_matter
from keras_sphere.presets.sources import built_in_names, find
from keras_sphere.short_repr import ShortRepr, html_table
from keras_sphere.typing import PathLike

WIDTH, MOST_NAMES = 88, 1000


class PresetTable(list[dict[str, Any]]):
    """A list of dicts, one per preset, that prints as a table."""

    _COLUMNS = ("name", "image_size", "classes", "parameters", "license", "weights")

    def __str__(self):
        rows = [self._COLUMNS, *(tuple(map(_text, row.values())) for row in self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self):
        rows = (tuple(map(_text, row.values())) for row in self)
        return html_table(rows, self._COLUMNS)


class PresetDescription(ShortRepr, dict[str, Any]):
    """A preset's configuration, with `card`; it prints as its card and numbers."""

    def _facts(self):
        row = _row(self)
        return {name: _text(row[name]) for name in PresetTable._COLUMNS}

    def __str__(self):
        architecture = dict(self["architecture"])
        names = architecture.pop("class_names")
        classes = describe_classes(architecture["num_classes"], names, MOST_NAMES)
        shown = {**self, "architecture": architecture}
        sections = [
            f"{name}\n{_indented(shown[name])}"
            for name in ("architecture", "noise", "sampling", "recipe")
        ]
        return "\n".join(
            [
                without_front_matter(self["card"]).rstrip(),
                "",
                f"parameters: {self['parameters']:,}",
                f"weights: {describe_weights(self['weights'])}",
                *_wrapped(f"labels: {classes}"),
                *_describe_gap(self),
                *sections,
            ]
        )


def list_presets() -> PresetTable:
    """The presets of this package.

    Returns:
        List of dicts of `name`, `image_size`, `classes` (0: unconditional),
        `parameters`, `license` and `weights` (whether there are some); it prints as
        a table.

    Example:

    >>> print(keras_sphere.presets.list())
    """
    return PresetTable(_row(find(name).config) for name in built_in_names())


def describe(name_or_path: PathLike) -> PresetDescription:
    """All that a preset says of itself.

    Args:
        name_or_path: As for `load`.

    Returns:
        Dict of the preset's configuration and its `card`; it prints as text.

    Raises:
        ValueError: If there is no such preset, or its configuration is not valid.

    Example:

    >>> print(keras_sphere.presets.describe("digits16"))
    """
    source = find(name_or_path)
    return PresetDescription({**source.config, "card": source.card()})


def _row(config):
    return {
        "name": config["name"],
        "image_size": config["architecture"]["image_size"],
        "classes": config["architecture"]["num_classes"],
        "parameters": config["parameters"],
        "license": config["license"],
        "weights": config["weights"] is not None,
    }


def _describe_gap(config):
    num_images = config["recipe"]["training"].get("num_images")  # a note: anything
    phrase, warning = describe_gap(
        config["noise"]["max_angle_degrees"],
        config["architecture"],
        num_images if isinstance(num_images, int) else 0,
    )
    note = f"note: {warning}" if warning else ""
    return [line for text in (f"noise: {phrase}", note) for line in _wrapped(text)]


def _wrapped(text):
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ")


def _text(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _indented(section, depth=1):
    lines = []
    for key, value in section.items():
        if isinstance(value, dict):
            lines += [f"{'  ' * depth}{key}:", _indented(value, depth + 1)]
        else:
            lines.append(f"{'  ' * depth}{key}: {value}")
    return "\n".join(lines)
