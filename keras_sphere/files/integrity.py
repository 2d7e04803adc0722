"""Checksums: a file that was cut short or changed is noticed before it is used."""

import hashlib
import pathlib


class CorruptFileError(OSError):
    """A file is missing, or its content is not what was written."""


def sha256(path):
    """SHA-256 of a file's content, as hexadecimal digits.

    Args:
        path: String or path.

    Returns:
        String of 64 digits.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_present(path):
    """Raises a `CorruptFileError` if a file is missing."""
    if not pathlib.Path(path).is_file():
        raise CorruptFileError(f"{path} is missing.")


def check_sha256(path, expected):
    """Checks that a file is as it was written.

    Args:
        path: String or path.
        expected: String. Its SHA-256 in hexadecimal digits.

    Raises:
        CorruptFileError: If the file is missing or its content differs.
    """
    path = pathlib.Path(path)
    check_present(path)
    received = sha256(path)
    if received != expected:
        raise CorruptFileError(
            f"{path} is damaged: cut short or changed after it was written. Expected "
            f"the SHA-256 {expected}. Received: {received} over "
            f"{path.stat().st_size} bytes"
        )
