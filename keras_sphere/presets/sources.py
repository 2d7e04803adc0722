"""Where presets come from: the package, a local folder, the Hugging Face Hub."""

import dataclasses
import pathlib
import re

from keras_sphere.nearest import by_likeness
from keras_sphere.optional_imports import import_optional
from keras_sphere.preset_files.folder import CONFIG, checked_weights, read_config
from keras_sphere.presets.run_folders import is_run_folder, newest_preset

HUB = "hf://"
_HUB_HANDLE = re.compile(r"hf://([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+))?")
_BUILT_IN = pathlib.Path(__file__).parent


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
    config: dict
    repository: str | None = None

    def weights(self):
        """Path of the weights, checked; only now fetched if they are remote."""
        if self.repository is not None:
            # The folder is named after the revision that the configuration is of.
            _download(self.repository, self.config["weights"]["file"], self.folder.name)
        return checked_weights(self.folder, self.config)

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
            f"'hf://user/repository@revision'. Received: name_or_path={handle!r}"
        )
    repository, revision = match.groups()
    folder = _download(repository, CONFIG, revision).parent
    return PresetSource(handle, folder, read_config(folder), repository)


def _download(repository, file, revision):
    hub = import_optional("huggingface_hub", "A preset of 'hf://'", "huggingface")
    return pathlib.Path(hub.hf_hub_download(repository, file, revision=revision))
