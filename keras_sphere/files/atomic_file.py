"""Files and folders that are either complete or absent."""

import contextlib
import hashlib
import os
import pathlib
import platform
import re
import shutil
import uuid


@contextlib.contextmanager
def replace_when_done(path):
    """Writes a file under a temporary name, and renames it once it is complete.

    A process that dies while writing leaves an earlier file of that name as it
    was. The temporary file lies beside it and its name ends in the same way, from
    which many writers choose the format. Missing folders are made. What a killed
    process of this machine left under such a temporary name is removed.

    Args:
        path: String or path. The file to write.

    Yields:
        `pathlib.Path` to write to.

    Example:

    >>> with replace_when_done("out/model.keras") as temporary:
    ...     model.save(temporary)
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    temporary = _temporary(path)
    try:
        yield temporary
        flush_to_disk(temporary)
        os.replace(temporary, path)
        flush_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_when_done(path):
    """Fills a new folder under a temporary name, and renames it once it is complete.

    As `replace_when_done`, for a folder that does not exist yet.

    Args:
        path: String or path. The folder to make.

    Yields:
        `pathlib.Path` of the folder to write files to.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    temporary = _temporary(path)
    try:
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            flush_to_disk(file)
        flush_to_disk(temporary)
        os.rename(temporary, path)
        flush_to_disk(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def flush_to_disk(path):
    """Waits until a file's content, or a folder's list of names, is on the disk."""
    if os.name != "posix" and os.path.isdir(path):
        return  # Windows flushes folders itself
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_space(path, num_bytes):
    """Raises an `OSError` unless a file of `num_bytes` can be written at `path`.

    For writers that do not survive a full disk: HDF5 crashes the process. The file
    is left empty.

    Args:
        path: String or path of a file that does not exist yet.
        num_bytes: Integer.
    """
    with open(path, "wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, max(num_bytes, 1))
            file.truncate(0)


def remove_abandoned(path):
    """Removes temporary files and folders of `path` whose process has ended.

    Args:
        path: Path, as it was given to `replace_when_done` or `folder_when_done`.
    """
    pattern = re.compile(rf"\.{_machine()}-(\d+)-[0-9a-f]{{8}}-{re.escape(path.name)}")
    for entry in path.parent.iterdir():
        match = pattern.fullmatch(entry.name)
        if match and not _is_running(int(match[1])):
            remove(entry)


def remove(path):
    """Removes a file or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _temporary(path):
    owner = f"{_machine()}-{os.getpid()}"
    return path.with_name(f".{owner}-{uuid.uuid4().hex[:8]}-{path.name}")


def _machine():
    """Short name of this machine: another one's processes cannot be looked up."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _is_running(process):
    if os.name != "posix":
        return True  # looking it up needs another interface there: keep the file
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
