"""Where this package keeps what it can make again."""

import os
import pathlib


def user_cache(environ=os.environ):
    """This package's part of the user's cache folder.

    Args:
        environ: Mapping of environment variables. `XDG_CACHE_HOME` is the user's cache
            folder, `~/.cache` if it is not set.

    Returns:
        `pathlib.Path`, which need not exist.
    """
    home = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(home).expanduser() / "keras_sphere"
