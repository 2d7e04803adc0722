"""Flags of text with a form of their own: `0-9,20`, `bee,ant`, `bee:0.7,3:0.3`."""

import csv
import io
import re

_RANGE = re.compile(r"(\d{1,12})(?:-(\d{1,12}))?")
_WEIGHT = re.compile(r"(.+):(\d{0,9}(?:\.\d{1,9})?)(?<=\d)", re.DOTALL)


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


def split_texts(text):
    """The texts between commas, of which those with commas stand in double quotes.

    Raises:
        ValueError: If a text is empty, or a quote is not closed.
    """
    try:
        (parts,) = csv.reader([text], strict=True, skipinitialspace=True)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"texts between commas are wanted: {error}") from None
    parts = [part.strip() for part in parts]
    if not all(parts):
        raise ValueError("texts between commas are wanted, none of them empty")
    return parts


def join_texts(texts):
    """What `split_texts` takes apart."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(texts)
    return line.getvalue()


def parse_class_mix(text, find_class, num_classes):
    """A dict of class id -> weight from text such as `3:0.7,8:0.3`; `None` stays.

    Args:
        text: String or `None`.
        find_class: Callable of text, a name or an id, that returns the id of a class.
        num_classes: Integer.

    Raises:
        ValueError: If the text is something else, or names no class of the model.
    """
    if text is None:
        return None
    matches = [_WEIGHT.fullmatch(part) for part in split_texts(text)]
    ids = [find_class(match[1].strip()) for match in matches if match]
    if not all(matches) or len(set(ids)) < len(matches):
        raise ValueError(
            "--class_mix must be like 3:0.7,8:0.3, of different classes below "
            f"{num_classes} or their names. Received: class_mix={text}"
        )
    mix = {found: float(match[2]) for found, match in zip(ids, matches, strict=True)}
    if not sum(mix.values()) > 0:
        raise ValueError(
            f"--class_mix needs a weight above 0. Received: class_mix={text}"
        )
    return mix
