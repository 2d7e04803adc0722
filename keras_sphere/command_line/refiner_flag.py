"""What `--refiner` names: a file, a folder, or the refiner of the model's preset."""

import pathlib

from keras_sphere.preset_files.refiner_file import REFINER_FILE
from keras_sphere.preset_files.run_folders import is_run_folder
from keras_sphere.presets.sources import find

OF_PRESET = "preset"


def check_refiner(text, source):
    """Checks, without Keras, that there is a refiner where the flag says.

    Args:
        text: String or `None`: the flag.
        source: `ModelSource` of the model, or `None` if none is measured.

    Returns:
        List of paths of the files that hold it, for their checksums; those of a
        preset it checks itself.

    Raises:
        ValueError: If there is no refiner, or no model for it.
        FileNotFoundError: If there is no such file.
    """
    if text is None:
        return []
    if source is None:
        raise ValueError(f"--refiner needs --preset. Received: refiner={text}")
    path = pathlib.Path(text)
    if text == OF_PRESET:
        if not source.description.has_refiner:
            raise ValueError(
                f"The model {source.handle!r} is no preset that holds a refiner. "
                f"Received: refiner={text}"
            )
        return []
    if path.suffix == ".keras" or (path / REFINER_FILE).is_file():
        path = path / REFINER_FILE if path.is_dir() else path
        if not path.is_file():
            raise FileNotFoundError(f"There is no such refiner. Received: {text}")
        return [str(path)]
    if path.is_dir() and is_run_folder(path):
        raise FileNotFoundError(
            f"The run in {text} has left no {REFINER_FILE}, which a distillation "
            f"writes at its end. Received: refiner={text}"
        )
    if find(text).config["refiner"] is None:
        raise ValueError(f"The preset holds no refiner. Received: refiner={text}")
    return []


def load_refiner(text, model):
    """The argument `refiner` of `model.generate` that the flag means."""
    if text is None:
        return None
    if text == OF_PRESET:
        return True
    from keras_sphere import presets

    return presets.load_refiner(text, model)
