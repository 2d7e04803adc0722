"""Files that are either complete or absent."""

import contextlib
import os
import pathlib
import uuid


@contextlib.contextmanager
def replace_when_done(path):
    """Writes a file under a temporary name, and renames it once it is complete.

    A process that dies while writing leaves an earlier file of that name as it
    was. The temporary file lies beside it and keeps its suffix, from which many
    writers choose the format. Missing folders are made.

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
    name = f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}"
    temporary = path.with_name(name)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
