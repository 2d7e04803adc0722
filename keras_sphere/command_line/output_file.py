"""Where a result goes, checked before any work."""

import os
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
        OSError: If its folder cannot be written to.
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
    check_place(path)
    return path


def check_folder(path, overwrite):
    """Checks the path of a folder that is to be filled; see `check_output`."""
    path = pathlib.Path(path)
    if path.is_file():
        raise FileExistsError(f"--output is a file. Received: output={path}")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise FileExistsError(
            f"The folder exists; --overwrite replaces what is there. "
            f"Received: output={path}"
        )
    check_place(path / "any")
    return path


def check_place(path, flag="output"):
    """Raises an `OSError` unless a file may be made at a path, with its folders.

    Args:
        path: `pathlib.Path`.
        flag: String. The flag that names it, for the message.
    """
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder. Received: {flag}={path}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{folder} is a folder that must not be written to. Received: {flag}={path}"
        )
