"""Presets of the package, of a local folder, of the Hugging Face Hub."""

import dataclasses
import pathlib
import re
from typing import Any

from keras_sphere.nearest import by_likeness
from keras_sphere.optional_imports import import_optional
from keras_sphere.preset_files.folder import (
    CONFIG,
    checked_refiner,
    checked_weights,
    read_config,
)
from keras_sphere.preset_files.run_folders import is_run_folder, newest_preset

HUB = "hf://"
_HUB_HANDLE = re.compile(r"hf://([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+))?")
_BUILT_IN = pathlib.Path(__file__).parents[1] / "presets"


@dataclasses.dataclass(frozen=True)
class PresetSource:
    """A preset whose configuration has been read.

    Args:
        handle: String. What the user asked for.
        folder: `pathlib.Path`.
        config: Dict, as `preset_files.schema.schema` describes it.
        repository: String, `user/name` on the Hub, or `None`.
    """

    handle: str
    folder: pathlib.Path
    config: dict[str, Any]
    repository: str | None = None

    def weights(self):
        """Path of the weights, checked; only now fetched if they are remote."""
        self._fetch("weights")
        return checked_weights(self.folder, self.config)

    def refiner_weights(self):
        """Likewise, of the weights of the refiner, if there is one."""
        self._fetch("refiner")
        return checked_refiner(self.folder, self.config)

    def _fetch(self, name):
        if self.repository is not None:
            # The folder is named after the revision that the configuration is of.
            download(self.repository, self.config[name]["file"], self.folder.name)

    def card(self):
        """Text of the model card, or `""`."""
        path = self.folder / "README.md"
        return (
            path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        )


def built_in_names():
    """Names of the presets of this package, sorted."""
    return sorted(path.parent.name for path in _BUILT_IN.glob(f"*/{CONFIG}"))


def find(name_or_path):
    """Finds a preset and reads its configuration.

    Args:
        name_or_path: A built-in name, the path of a folder (of a preset or of a
            training run, whose newest preset it is), or `"hf://user/repository"`,
            optionally with `@revision`. Only the last one touches the network.

    Returns:
        `PresetSource`.

    Raises:
        ValueError: If there is no such preset, or its configuration is not valid.
        FileNotFoundError: If the folder is no preset, or a run that has left none yet.
        ImportError: If `hf://` is asked for without the package `huggingface_hub`.
    """
    handle = str(name_or_path)
    if handle.startswith(HUB):
        return _find_on_hub(handle)
    if isinstance(name_or_path, str) and handle in built_in_names():
        folder = _BUILT_IN / handle
    elif "://" not in handle and pathlib.Path(handle).is_dir():
        folder = pathlib.Path(handle)
        folder = newest_preset(folder) if is_run_folder(folder) else folder
    else:
        names = by_likeness(handle, built_in_names())
        raise ValueError(
            f"There is no preset or folder of that name. Presets: {', '.join(names)}; "
            "others are loaded by the path of their folder, or by "
            f"'hf://user/repository'. Received: name_or_path={handle!r}"
        )
    return PresetSource(handle, folder, read_config(folder))


def _find_on_hub(handle):
    match = _HUB_HANDLE.fullmatch(handle)
    if match is None:
        raise ValueError(
            "A preset on the Hugging Face Hub is 'hf://user/repository' or "
            "'hf://user/repository@revision', and published weights of Sphere Encoder "
            "2 are 'hf://user/repository/folder'. Received: "
            f"name_or_path={handle!r}"
        )
    repository, revision = match.groups()
    folder = download(repository, CONFIG, revision).parent
    return PresetSource(handle, folder, read_config(folder), repository)


def download(repository, file, revision, **options):
    """Fetches a file of the Hub, unless the Hub's own cache has it.

    Args:
        repository: String, `user/name`.
        file: String. Its path in the repository.
        revision: String or `None`.
        **options: Of `huggingface_hub.hf_hub_download`.

    Returns:
        `pathlib.Path`, in a folder named after the commit.
    """
    hub = import_hub()
    path = hub.hf_hub_download(repository, file, revision=revision, **options)
    return pathlib.Path(path)


def import_hub(module="huggingface_hub"):
    """The package `huggingface_hub`, or a module of it."""
    return import_optional(module, "A preset of 'hf://'", "huggingface")
