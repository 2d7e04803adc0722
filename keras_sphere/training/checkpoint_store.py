"""Checkpoints as files: versions that are complete, and one file that names them."""

import hashlib
import json
import pathlib
import re

from keras_sphere.files.atomic_file import (
    folder_when_done,
    remove,
    replace_when_done,
)
from keras_sphere.files.integrity import CorruptFileError, check_sha256, sha256
from keras_sphere.preset_files.run_folders import CHECKPOINTS
from keras_sphere.validation import check_choice, read_integer

INDEX, INDEX_COPY = "checkpoints.json", "checkpoints-copy.json"
FORMAT = 1
_VERSION = re.compile(r"checkpoint-(\d{8})")
_TEMPORARY = re.compile(r"\.[0-9a-f]+-\d+-[0-9a-f]+-checkpoint.*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class CheckpointStore:
    """A folder of checkpoints, of which the newest and the best are kept.

    A checkpoint is a folder that is complete before it has its name, and counts once
    `checkpoints.json`, replaced in one step, holds its name and the SHA-256 of its
    files. So a process that is killed at any moment leaves the earlier checkpoints
    as they were. One process at a time may save into a store.

    Args:
        directory: String or path.
        keep: Integer. How many of the newest checkpoints to keep.
        mode: `"min"` or `"max"`: which value is the best.
    """

    def __init__(self, directory, keep=3, mode="min"):
        check_choice("mode", mode, ("min", "max"))
        self.directory = pathlib.Path(directory)
        self.keep = read_integer("keep", keep)
        self.mode = mode

    def entries(self, index=INDEX):
        """The checkpoints, oldest first.

        Returns:
            List of dicts of `name`, `files` (name -> SHA-256), `value` (a float or
            `None`) and `is_best`.

        Raises:
            CorruptFileError: If the list is damaged, or lost.
        """
        path = self.directory / index
        if not path.is_file():
            if self._has_lost_its_index():
                raise CorruptFileError(f"{path}, the list of checkpoints, is missing.")
            return []
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            entries, expected = content["checkpoints"], content["sha256"]
            is_whole = expected == _digest(entries)
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptFileError(
                f"{path} is damaged: not a list of checkpoints. Received: {error}"
            ) from None
        if not is_whole:
            raise CorruptFileError(
                f"{path} is damaged: its content does not have the SHA-256 that it "
                f"says. Received: {_digest(entries)}"
            )
        if content.get("format") != FORMAT:
            raise CorruptFileError(
                f"{path} is of a format that this version cannot read, {FORMAT}. "
                f"Received: format={content.get('format')}"
            )
        for entry in entries:
            _check_names(path, entry)
        return entries

    def best(self, entries):
        """The entry with the best value, or `None` if none has a value."""
        known = [entry for entry in entries if entry["value"] is not None]
        choose = min if self.mode == "min" else max
        return choose(known, key=lambda entry: entry["value"]) if known else None

    def save(self, write, value=None):
        """Adds a checkpoint; removes older ones once this one is there to be read.

        Args:
            write: Callable that is given an empty folder and writes files into it.
            value: Float by which the best checkpoint is chosen, or `None`.

        Returns:
            Path of the new checkpoint's folder.

        Raises:
            OSError: If it cannot be written, as on a full disk. The earlier
                checkpoints are as they were.
            CorruptFileError: If the list of the earlier ones is damaged.
        """
        entries = self.entries()
        self._clean(entries)
        numbers = [int(_VERSION.fullmatch(entry["name"])[1]) for entry in entries]
        name = f"checkpoint-{max(numbers, default=0) + 1:08d}"
        path = self.directory / name
        try:
            with folder_when_done(path) as folder:
                write(folder)
                files = {file.name: sha256(file) for file in folder.iterdir()}
            entries = [*entries, {"name": name, "files": files, "value": value}]
            self._write_index(entries)
        except OSError as error:
            raise OSError(
                error.errno,
                f"The checkpoint {path} could not be saved ({error}). The earlier "
                "checkpoints are as they were",
            ) from error
        self._prune()
        return path

    def open(self, entry):
        """The folder of a checkpoint, once its files are seen to be as written.

        Raises:
            CorruptFileError: If a file is missing or damaged.
        """
        folder = self.directory / entry["name"]
        for name, expected in entry["files"].items():
            path = folder / name
            if folder.is_symlink() or path.is_symlink():
                raise CorruptFileError(f"{path} is a link, which no checkpoint has.")
            check_sha256(path, expected)
        return folder

    def _prune(self):
        entries = self.entries()
        self.open(entries[-1])
        kept = entries[-self.keep :]
        best = self.best(entries)
        if best is not None and best not in kept:
            kept = [best, *kept]
        if len(kept) < len(entries):
            self._write_index(kept)
        self._clean(kept)

    def _write_index(self, entries):
        best = self.best(entries)
        entries = [{**entry, "is_best": entry is best} for entry in entries]
        content = {
            "format": FORMAT,
            "sha256": _digest(entries),
            "checkpoints": entries,
        }
        text = json.dumps(content, indent=1) + "\n"
        for name in (INDEX, INDEX_COPY):
            with replace_when_done(self.directory / name) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def _clean(self, entries):
        """Removes checkpoints that the list does not name, and what a kill left."""
        if not self.directory.is_dir():
            return
        named = {entry["name"] for entry in entries}
        for path in self.directory.iterdir():
            is_version = _VERSION.fullmatch(path.name) and path.name not in named
            if is_version or _TEMPORARY.fullmatch(path.name):
                remove(path)

    def _has_lost_its_index(self):
        """Whether there was a list: one folder is left by a kill in the first save."""
        first = self.directory / "checkpoint-00000001"
        folders = set(self.directory.glob("checkpoint-*"))
        names = (INDEX, INDEX_COPY)
        return bool(folders - {first}) or any(
            (self.directory / name).exists() for name in names
        )


def _digest(entries):
    text = json.dumps(entries, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_names(path, entry):
    """No name in the list may lead out of the folder."""
    names = [entry.get("name"), *entry.get("files", {})]
    patterns = [_VERSION, *[_FILE] * (len(names) - 1)]
    for name, pattern in zip(names, patterns, strict=True):
        if not isinstance(name, str) or not pattern.fullmatch(name):
            raise CorruptFileError(
                f"{path} names what no checkpoint has. Received: {name!r}"
            )


def is_begun(run_folder):
    """Whether a folder of a training run holds a checkpoint.

    Raises:
        CorruptFileError: If the list of checkpoints is damaged, or lost.
    """
    return bool(CheckpointStore(pathlib.Path(run_folder, CHECKPOINTS)).entries())
