"""Numbers of images as text: `17` or `0-9,20`."""

import re

_RANGE = re.compile(r"(\d{1,12})(?:-(\d{1,12}))?")


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
