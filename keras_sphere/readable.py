"""Sizes and durations as text, for people."""

import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def readable_size(num_bytes):
    """A number of bytes, such as `"344.9 MB"` or `"27.68 GB"`."""
    if num_bytes < 1e9:
        return f"{num_bytes / 1e6:.1f} MB"
    return f"{num_bytes / 1e9:.2f} GB"


def readable_duration(seconds):
    """A number of seconds, such as `"45 s"` or `"3.2 hours"`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 86_400:.1f} days"


def read_duration(name, value):
    """Seconds of a duration such as `"30m"`.

    Args:
        name: String. The argument's name, for errors.
        value: String: a number and `s`, `m` or `h`.

    Raises:
        ValueError: If it is no duration, or none at all.
    """
    match = _DURATION.fullmatch(str(value))
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not seconds:
        raise ValueError(
            f"`{name}` must be a duration, such as '30m' or '1.5h'. "
            f"Received: {name}={value!r}"
        )
    return seconds


def aligned(cells):
    """A table as lines of text: the first column to the left, others to the right.

    Args:
        cells: List of lists of strings, all of one length.
    """
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        [row[0].ljust(widths[0])]
        + [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        for row in cells
    )
    return "\n".join("  ".join(line) for line in lines)
