"""Names of splits, and parts of them."""

import re

import numpy as np

from keras_sphere.data.epoch_order import EpochOrder

PATTERN = re.compile(r"([\w+]+)(?:\[(\d+%?)?:(\d+%?)?\])?")


def parse_split(split):
    """Takes `"train[10%:50%]"` apart.

    Args:
        split: String.

    Returns:
        Pair of the name and `None`, or the name and a pair of bounds, each a string
        or `None`.

    Raises:
        ValueError: If it is no such string.
    """
    match = PATTERN.fullmatch(split) if isinstance(split, str) else None
    if match is None:
        raise ValueError(
            "`split` must be a name, such as 'train', or a part of it, such as "
            f"'train[:90%]' or 'train[100:200]'. Received: split={split!r}"
        )
    part = match.groups()[1:] if split.endswith("]") else None
    return match[1], part


def part_of(source, part):
    """Some of the images of a source, drawn from all classes, in file order.

    Parts with bounds that meet have no image in common.

    Args:
        source: `ArraySource` or another one.
        part: Pair of bounds, as `parse_split` returns them, or `None` for all.

    Returns:
        The source, or one of the same kind.

    Raises:
        ValueError: If there is no image in the part.
    """
    if part is None:
        return source
    count = len(source)
    low, high = _places(part, count)
    order = EpochOrder(count, batch_size=1, seed=0).order(0)
    return source.subset(np.sort(order[low:high]))


def size_of_part(count, part):
    """How many of `count` images are in a part, as `parse_split` returns it."""
    if part is None:
        return count
    low, high = _places(part, count)
    return high - low


def _places(part, count):
    """The first place of a part, and the one after its last."""
    low, high = (
        default if bound is None else _place(bound, count)
        for bound, default in zip(part, (0, count), strict=True)
    )
    if not low < high:
        raise ValueError(
            f"There must be images between the bounds; there are {count} in all. "
            f"Received: bounds {part[0] or ''}:{part[1] or ''}"
        )
    return low, high


def _place(bound, count):
    if bound.endswith("%"):
        return min(count, round(count * int(bound[:-1]) / 100))
    return min(count, int(bound))
