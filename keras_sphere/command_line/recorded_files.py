"""Checksums of the files that a picture was made from."""

import pathlib

from keras_sphere.files.integrity import sha256


def checksums(paths, recorded):
    """Checksums of input files; compared to those that a picture records.

    Args:
        paths: List of strings.
        recorded: `PictureSettings` that the files must agree with, or `None`.

    Returns:
        Dict of path -> SHA-256 of every file that exists.

    Raises:
        ValueError: If a file is missing or not the one that was recorded.
    """
    found = {path: sha256(path) for path in paths if pathlib.Path(path).is_file()}
    if recorded is None:
        return found
    for path in paths:
        if path not in found:
            raise ValueError(f"{path}, which the picture was made from, is missing.")
        if found[path] != recorded.inputs.get(path):
            raise ValueError(
                f"{path} has changed since the picture was made from it. Expected the "
                f"SHA-256 {recorded.inputs.get(path)}. Received: {found[path]}"
            )
    return found
