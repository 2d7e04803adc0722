"""Folders of published weights of Sphere Encoder 2 on the Hugging Face Hub."""

import functools
import logging
import pathlib
import re

from keras_sphere.convert import class_map
from keras_sphere.convert.run_files import CHECKPOINTS, CONFIG, newest
from keras_sphere.preset_files.sources import download, import_hub

_PART = r"[\w-][\w.-]*"
_HANDLE = re.compile(
    rf"hf://({_PART}/{_PART})/((?:{_PART}/)*{_PART})/?(?:@([\w./-]+))?"
)
_ERRORS = "huggingface_hub.errors"
_EXPERIMENTS = "experiments"

logger = logging.getLogger("keras_sphere")


def is_hub_folder(handle):
    """Whether a text is `hf://user/repository/folder`, optionally with `@revision`."""
    return _HANDLE.fullmatch(handle) is not None


class HubFolder:
    """A folder of the Hub that holds `cfg.json` and `ckpt/`.

    Nothing but `cfg.json` is fetched until it is asked for, and nothing twice.

    Args:
        handle: String, `hf://user/repository/folder`. Earlier names of the published
            folders are tried, too: `-fdlite` for `-fd-lite`, and at the top of the
            repository for below `experiments/`.

    Attributes:
        config: `pathlib.Path` of `cfg.json`.
        repository: String, `user/name`.
        commit: String, that of the files.
        name: String, the folder's own name.

    Raises:
        FileNotFoundError: If there is no such folder.
        ConnectionError: If the Hub cannot be reached, and has not been before.
    """

    def __init__(self, handle):
        self.handle = handle
        self.repository, folder, revision = _HANDLE.fullmatch(handle).groups()
        self._folder, self.config = self._fetch_config(folder, revision)
        self.name = self._folder.name
        self._root = self.config.parents[len(self._folder.parts)]
        self.commit = self._root.name

    def _fetch_config(self, folder, revision):
        errors = import_hub(_ERRORS)
        offline = None
        for place in _spellings(pathlib.PurePosixPath(folder)):
            options = {"local_files_only": offline is not None}
            try:
                file = download(
                    self.repository, str(place / CONFIG), revision, **options
                )
            except errors.LocalEntryNotFoundError as error:
                offline = error
            except errors.EntryNotFoundError:
                continue
            else:
                return place, file
        if offline is not None:
            raise self._unreachable() from offline
        raise FileNotFoundError(
            f"The folder on the Hub must hold {CONFIG}. There is none at this place of "
            f"{self.repository}. Received: {self.handle!r}"
        )

    def _unreachable(self):
        return ConnectionError(
            "The Hugging Face Hub cannot be reached, and its cache on this machine "
            "does not hold what is needed. Fetch the folder where there is a network, "
            "and convert it: `python -m keras_sphere.convert sphere2 FOLDER "
            f"--output=PRESET`. Received: {self.handle!r}"
        )

    def checkpoint(self):
        """Path of the newest checkpoint, fetched."""
        files = self._files
        folder = self._folder / CHECKPOINTS
        name = newest(file.name for file in files if file.parent == folder)
        if name is None:
            raise FileNotFoundError(
                f"{folder} of {self.repository} must hold a file epNNNN.pth. "
                f"Received: {self.handle!r}"
            )
        return self._fetch(folder / name)

    def class_maps(self):
        """Paths of maps of classes, the nearest first, fetched."""
        files = set(self._files)
        for place in class_map.places(self._folder):
            if place in files:
                yield self._fetch(place)

    def _fetch(self, file):
        errors = import_hub(_ERRORS)
        try:
            return download(self.repository, str(file), self.commit)
        except errors.LocalEntryNotFoundError as error:
            raise self._unreachable() from error

    @functools.cached_property
    def _files(self):
        """All files of the repository; without a network those that were fetched."""
        try:
            names = (
                import_hub()
                .HfApi()
                .list_repo_files(self.repository, revision=self.commit)
            )
            return list(map(pathlib.PurePosixPath, names))
        except Exception as error:  # which ones differs with the package's release
            logger.info("The Hub cannot be asked what it has: %s", error)
        fetched = [path for path in self._root.rglob("*") if path.is_file()]
        return [
            pathlib.PurePosixPath(path.relative_to(self._root).as_posix())
            for path in fetched
        ]


def _spellings(folder):
    """A folder's path as it was given, and as it may be called instead."""
    names = [folder.name]
    for old, new in (("-fd-lite", "-fdlite"), ("-fdlite", "-fd-lite")):
        if old in folder.name:
            names.append(folder.name.replace(old, new))
    parents = [folder.parent]
    if folder.parent.name == _EXPERIMENTS:
        parents.append(folder.parent.parent)
    else:
        parents.append(folder.parent / _EXPERIMENTS)
    return [parent / name for parent in parents for name in names]
