"""Lists of images: a JSON object a line."""

import json
import typing

from keras_sphere.data.listing import Listing, find_split, partial_classes


class Line(typing.NamedTuple):
    """One image of a list.

    Args:
        path: String.
        label: Integer, or `None`.
        class_name: String, or `None`.
        split: String.
        number: Integer, from 1. Which line it is.
    """

    path: str
    label: int | None
    class_name: str | None
    split: str
    number: int


def read_list(path, split="train"):
    """Reads a split of a JSON-lines list of images.

    Each line is an object with `image_path` and, unless the images are of no class,
    `class_id` and `class_name`; names alone are numbered in sorted order. `split`
    says which split a line is of, `"train"` if it is not there. Names and ids are
    those of all splits together. Blank lines do not count.

    Args:
        path: Path of the list.
        split: String. `"test"`, `"val"` and `"validation"` stand for one another.

    Returns:
        `Listing` whose names are the paths as they are written, in the list's order.

    Raises:
        ValueError: If a line is no such object, the classes contradict each other,
            or there is no such split.
    """
    with open(path, encoding="utf-8") as lines:
        every = [
            _read_line(path, number, line)
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
    every = _with_ids(every)
    known = {line.split for line in every}
    found = find_split(split, known)
    if every and found is None:
        raise ValueError(
            f"No line of {path} is of that split: it has {', '.join(sorted(known))}. "
            "`split` of a line says which it is of, 'train' if it is not there; parts "
            f"are 'train[:90%]' and the like. Received: split={split!r}"
        )
    chosen = [line for line in every if line.split == found]
    paths, labels = [line.path for line in chosen], [line.label for line in chosen]
    if all(line.label is None and line.class_name is None for line in chosen):
        return Listing(paths, None, ())
    if None in labels:
        raise ValueError(
            "Either all lines or none of a split have a class: a class_id, or in the "
            f"whole list class_names alone. Received: {path}, where "
            f"{labels.count(None)} of {len(labels)} lines have none"
        )
    names = _names_of_classes(path, every)
    classes_of = {}
    for line in every:
        if line.label is not None:
            classes_of.setdefault(line.split, set()).add(names[line.label])
    partial = partial_classes(classes_of)
    return Listing(paths, labels, names, partial_classes=partial)


def _with_ids(lines):
    """Lines with ids by the sorted names, where there are names and no ids at all."""
    if any(line.label is not None for line in lines):
        return lines
    names = sorted({line.class_name for line in lines} - {None})
    ids = {None: None, **{name: label for label, name in enumerate(names)}}
    return [line._replace(label=ids[line.class_name]) for line in lines]


def _names_of_classes(path, lines):
    """The name of each class, in the order of their ids."""
    names = {}
    for line in lines:
        if line.label is None:
            continue
        if names.setdefault(line.label, line.class_name) != line.class_name:
            raise ValueError(
                f"{path}, line {line.number}: class {line.label} was called "
                f"{names[line.label]!r} before. Received: "
                f"class_name={line.class_name!r}"
            )
    return tuple(
        names.get(label) or f"class {label}" for label in range(max(names) + 1)
    )


def _read_line(path, number, line):
    """A `Line`, checked."""
    try:
        entry = json.loads(line)
        label = entry.get("class_id")
        found = Line(
            entry["image_path"],
            label,
            entry.get("class_name"),
            entry.get("split", "train"),
            number,
        )
        is_class = isinstance(label, int) and not isinstance(label, bool) and label >= 0
        texts = (found.path, found.split)
        if not all(isinstance(text, str) and text for text in texts):
            raise TypeError
        if not (label is None or is_class):
            raise TypeError
        if not isinstance(found.class_name, str | None):
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}, line {number}: a line must be a JSON object with image_path, a "
            "string, and class_id, an integer of at least 0, and class_name, a string, "
            "if there are classes, and split, a string, if there are splits. "
            f"Received: {line.strip()[:200]!r}"
        ) from error
    return found
