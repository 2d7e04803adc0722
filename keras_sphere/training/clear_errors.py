"""Errors of files that say what could not be written."""

import contextlib


@contextlib.contextmanager
def writing(what, consequence):
    """Context in which an `OSError`, as of a full disk, says what was being written.

    Args:
        what: String, such as `"The log runs/log.csv"`.
        consequence: String. What is left now.
    """
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno, f"{what} could not be written ({error}). {consequence}"
        ) from error
