"""What is done otherwise in a notebook."""

import sys


def in_notebook():
    """Whether this runs in IPython with a display of its own, such as in Jupyter.

    IPython in a terminal shows text alone, and is none.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and type(shell).__name__ != "TerminalInteractiveShell"


def quiet_verbosity(verbose):
    """What `verbose` of `fit` means here: in a notebook no bars unless asked for.

    Bars are written hundreds of times, and a notebook keeps all of it.

    Args:
        verbose: `"auto"`, or an integer, which stays as it is.

    Returns:
        2, a line per epoch, for `"auto"` in a notebook; else `verbose`.
    """
    return 2 if verbose == "auto" and in_notebook() else verbose
