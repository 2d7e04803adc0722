"""Where a result goes, checked before any work."""

import pathlib

from keras_sphere.command_line.errors import UsageError


def check_output(path, suffixes, overwrite):
    """Checks the path of a file that is to be written.

    Args:
        path: String or path.
        suffixes: Tuple of strings that the path may end in.
        overwrite: Boolean. Whether it may exist.

    Returns:
        `pathlib.Path`.

    Raises:
        UsageError: If the suffix is another one.
        FileExistsError: If the file exists and `overwrite` is false.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"--output must end in {' or '.join(suffixes)}. Received: output={path}"
        )
    if path.is_dir():
        raise FileExistsError(f"--output is a folder. Received: output={path}")
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"The file exists; --overwrite replaces it. Received: output={path}"
        )
    return path
