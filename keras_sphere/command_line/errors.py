"""Errors that end a command with a line instead of a traceback."""

from keras_sphere.nearest import by_likeness, likeness

LEAST_LIKENESS = 0.6


class UsageError(Exception):
    """A command that was not written as it must be."""


def nearest_names(name, names, count=3):
    """Text that offers the names nearest to a wrong one."""
    near = [
        other
        for other in by_likeness(name, names)[:count]
        if likeness(name, other) >= LEAST_LIKENESS
    ]
    return f" Did you mean {' or '.join(near)}?" if near else ""
