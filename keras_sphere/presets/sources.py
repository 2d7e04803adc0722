"""Where presets come from, those that others publish in another layout included."""

from keras_sphere.convert.sphere2_cache import converted_preset
from keras_sphere.convert.sphere2_hub import is_hub_folder
from keras_sphere.preset_files import sources
from keras_sphere.preset_files.folder import read_config
from keras_sphere.preset_files.sources import HUB, PresetSource, built_in_names

__all__ = ["HUB", "PresetSource", "built_in_names", "find"]


def find(name_or_path):
    """Finds a preset and reads its configuration.

    Args:
        name_or_path: What `preset_files.sources.find` takes, or
            `"hf://user/repository/folder"`, a folder of published weights of Sphere
            Encoder 2, optionally with `@revision`: its decoder is fetched, and
            converted once.

    Returns:
        `PresetSource`.

    Raises:
        ValueError: If there is no such preset, or its configuration is not valid.
        FileNotFoundError: If the folder is no preset, or a run that has left none yet.
        ImportError: If `hf://` is asked for without the package `huggingface_hub`.
        ConnectionError: If the Hub is needed and cannot be reached.
    """
    handle = str(name_or_path)
    if not is_hub_folder(handle):
        return sources.find(name_or_path)
    folder = converted_preset(handle)
    return PresetSource(handle, folder, read_config(folder))
