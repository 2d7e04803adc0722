"""Names ordered by how near they are to one that was mistyped."""

import difflib

SHORTEST_START = 2


def by_likeness(name, names):
    """Names, the nearest first.

    Args:
        name: String. What was typed.
        names: Iterable of strings.

    Returns:
        List of strings; those that are equally near stay in order.
    """
    return sorted(names, key=lambda other: -likeness(name, other))


def likeness(name, other):
    """How alike two names are, in [0, 1]; a common start counts as well as any letters.

    A start of at least two letters counts by its share of the first name, so that
    `"vary"` is near to `"variations"`.
    """
    name, other = name.lower(), other.lower()
    ratio = difflib.SequenceMatcher(None, name, other).ratio()
    same = 0
    for a, b in zip(name, other, strict=False):
        if a != b:
            break
        same += 1
    return max(ratio, same / len(name) if same >= SHORTEST_START else 0.0)
