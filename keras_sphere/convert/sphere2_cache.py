"""Published weights on the Hub as presets, each converted once."""

import logging

from keras_sphere.convert.sphere2_hub import HubFolder
from keras_sphere.files.user_cache import user_cache
from keras_sphere.preset_files.folder import CONFIG
from keras_sphere.version import __version__

logger = logging.getLogger("keras_sphere")


def converted_preset(handle):
    """The preset of the decoder in a folder of the Hub.

    It is kept in the user's cache, for the commit that it was made from.

    Args:
        handle: String, `hf://user/repository/folder`.

    Returns:
        `pathlib.Path` of the preset's folder.

    Raises:
        ValueError: If the folder's files are not those of a model.
        FileNotFoundError: If there is no such folder.
        ConnectionError: If the Hub cannot be reached, and has not been before.
    """
    source = HubFolder(handle)
    place = source.repository.replace("/", "--")
    folder = user_cache() / "converted" / __version__ / place / source.commit
    folder = folder / source.name
    if not (folder / CONFIG).is_file():
        logger.warning("Converting %s, once: the preset is kept in %s.", handle, folder)
        _convert(source, folder)
    return folder


def _convert(source, folder):
    # Not at the top: whether a handle is right is known without Keras.
    from keras_sphere.convert.sphere2_folder import sphere2_to_preset

    try:
        sphere2_to_preset(source, folder)
    except OSError:
        if not (folder / CONFIG).is_file():  # another process was quicker
            raise
