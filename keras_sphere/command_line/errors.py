"""Errors that end a command with a line instead of a traceback."""

import difflib


class UsageError(Exception):
    """A command that was not written as it must be."""


def nearest_names(name, names, count=3):
    """Text that offers the names nearest to a wrong one."""
    near = difflib.get_close_matches(name, list(names), n=count, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""
