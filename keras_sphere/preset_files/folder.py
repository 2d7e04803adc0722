"""A preset's folder, which is complete at every moment."""

import json
import os
import pathlib
import reprlib
import shutil
import uuid

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.files.integrity import check_sha256, sha256
from keras_sphere.preset_files.schema import (
    REFINER_WEIGHTS_FILE,
    WEIGHTS_FILE,
    check_config,
)
from keras_sphere.preset_files.weights_contents import check_contents
from keras_sphere.validation import read_boolean

CONFIG, CARD, WEIGHTS = "config.json", "README.md", "model.weights.h5"
REFINER_WEIGHTS = "refiner.weights.h5"
_LARGEST_CONFIG = 2**24
# Of each file of weights, the entry of the configuration and what it may be called.
_FILES = {"weights": WEIGHTS_FILE, "refiner": REFINER_WEIGHTS_FILE}


def read_config(folder):
    """Reads and checks a preset's configuration.

    Args:
        folder: String or path.

    Returns:
        Dict, as `schema.schema` describes it.

    Raises:
        FileNotFoundError: If the folder holds no `config.json`.
        ValueError: If the file is not what a preset may hold.
    """
    path = pathlib.Path(folder) / CONFIG
    if not path.is_file():
        raise FileNotFoundError(
            f"A preset is a folder with a {CONFIG}. Received: folder={str(folder)!r}"
        )
    size = path.stat().st_size
    if size > _LARGEST_CONFIG:
        raise ValueError(
            f"{path} must have at most {_LARGEST_CONFIG} bytes. Received: {size} bytes"
        )
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a JSON file. Received: {reprlib.repr(str(error))}"
        ) from error
    return check_config(config, path)


def checked_weights(folder, config):
    """The path of a preset's weights, once they are seen to be whole and harmless.

    Args:
        folder: String or path.
        config: Dict as `read_config` returns it, with weights.

    Returns:
        `pathlib.Path`.

    Raises:
        CorruptFileError: If the file is missing, cut short or changed.
        ValueError: If it holds what a file of weights must not.
    """
    path = pathlib.Path(folder) / config["weights"]["file"]
    check_sha256(path, config["weights"]["sha256"])
    check_contents(path, config["parameters"])
    return path


def checked_refiner(folder, config):
    """As `checked_weights`, of the weights of the refiner, which `config` has."""
    path = pathlib.Path(folder) / config["refiner"]["file"]
    check_sha256(path, config["refiner"]["sha256"])
    check_contents(path, config["refiner"]["parameters"])
    return path


def write_preset(
    folder, config, card, write_weights=None, overwrite=False, write_refiner=None
):
    """Writes a preset's folder so that a process may die at any moment.

    A new folder is filled under a temporary name and then renamed. In an existing
    one the weights go to a new file first; then `config.json`, which names them and
    their checksum, is replaced at once; then what it no longer names is removed.

    Args:
        folder: String or path.
        config: Dict. `weights`, if any, needs only `dtype` and `kind`.
        card: String. The text of `README.md`.
        write_weights: Callable that takes the path to write the weights to; `None`
            for a preset without weights.
        overwrite: Boolean. Whether the folder may exist.
        write_refiner: Callable likewise, for the refiner's weights, if `config` has an
            entry of one; else `None`.

    Raises:
        FileExistsError: If the folder exists and `overwrite` is false.
        ValueError: If the configuration is not one that could be read again.
    """
    folder = pathlib.Path(folder).absolute()
    overwrite = read_boolean("overwrite", overwrite)
    if folder.exists() and not overwrite:
        raise FileExistsError(
            "The folder of the preset must not exist yet, unless `overwrite=True`. "
            f"Received: path={str(folder)!r}"
        )
    if folder.is_dir():
        _fill(folder, config, card, write_weights, write_refiner)
        return
    temporary = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
    try:
        temporary.mkdir(parents=True)
        _fill(temporary, config, card, write_weights, write_refiner)
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(folder, config, card, write_weights, write_refiner):
    if write_weights is None:
        config = {**config, "weights": None}
    for name, write, file in (
        ("weights", write_weights, WEIGHTS),
        ("refiner", write_refiner, REFINER_WEIGHTS),
    ):
        if write is not None:
            entry = _write_new_weights(folder, write, file)
            config = {**config, name: {**config[name], **entry}}
    check_config(config, folder / CONFIG)
    text = json.dumps(config, indent=2) + "\n"
    if len(text) > _LARGEST_CONFIG:
        raise ValueError(
            f"{folder / CONFIG} must have at most {_LARGEST_CONFIG} bytes: shorten "
            f"`class_names` or the notes. Received: {len(text)} bytes"
        )
    _replace_text(folder / CONFIG, text)
    _replace_text(folder / CARD, card)
    _remove_other_weights(folder, config)


def _write_new_weights(folder, write_weights, name):
    """Writes weights beside those that are there; returns their name and checksum."""
    temporary = folder / f".{uuid.uuid4().hex[:8]}.weights.h5"
    try:
        write_weights(temporary)
        checksum = sha256(temporary)
        if (folder / name).exists():
            name = name.replace(".", f"-{checksum[:16]}.", 1)
        os.replace(temporary, folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    return {"file": name, "sha256": checksum}


def _remove_other_weights(folder, config):
    for path in folder.iterdir():
        for name, pattern in _FILES.items():
            named = (config.get(name) or {}).get("file")
            if pattern.fullmatch(path.name) and path.name != named:
                path.unlink()


def _replace_text(path, text):
    with replace_when_done(path) as temporary:
        # Names of classes come from folders', which may be no text.
        temporary.write_text(text, encoding="utf-8", errors="replace")
