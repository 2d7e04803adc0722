"""Flags of text with a form of their own: `0-9,20` and `3:0.7,8:0.3`."""

import re

_RANGE = re.compile(r"(\d{1,12})(?:-(\d{1,12}))?")
_WEIGHT = re.compile(r"(\d{1,7}):(\d{0,9}(?:\.\d{1,9})?)(?<=\d)")


def parse_ranges(text, total):
    """Ascending numbers below `total` from text such as `0-9,20`.

    Args:
        text: String, or `None` for all numbers.
        total: Integer.

    Returns:
        `range` or list of integers.

    Raises:
        ValueError: If the text is something else, or a number is not below `total`.
    """
    if text is None:
        return range(total)
    numbers = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if not first <= last < total:
            raise ValueError(
                f"--numbers must be like 17 or 0-9,20, below {total}. "
                f"Received: numbers={text}"
            )
        numbers.update(range(first, last + 1))
    return sorted(numbers)


def parse_class_mix(text, num_classes):
    """A dict of class -> weight from text such as `3:0.7,8:0.3`; `None` stays.

    Raises:
        ValueError: If the text is something else, or names no class of the model.
    """
    if text is None:
        return None
    mix = {}
    for part in text.split(","):
        match = _WEIGHT.fullmatch(part.strip())
        if not match or int(match[1]) >= num_classes or int(match[1]) in mix:
            raise ValueError(
                "--class_mix must be like 3:0.7,8:0.3, of different classes below "
                f"{num_classes}. Received: class_mix={text}"
            )
        mix[int(match[1])] = float(match[2])
    if not sum(mix.values()) > 0:
        raise ValueError(
            f"--class_mix needs a weight above 0. Received: class_mix={text}"
        )
    return mix
