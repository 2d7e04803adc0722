"""What can be wrong with an export, known without Keras and before any work."""

import pathlib

from keras_sphere.export.graphs import EXTRA
from keras_sphere.export.weight_types import WEIGHT_TYPES
from keras_sphere.optional_imports import check_installed
from keras_sphere.validation import check_choice, read_integer

PARTS = ("decoder", "encoder", "sample")
REFINER = "refiner"
ALL_PARTS = (*PARTS, REFINER)  # the last one only of a model that has taught one
LEAST_OPSET = 18
SUFFIX = ".onnx"


def read_request(folder, parts, weights, opset):
    """Checks the arguments of `export_onnx` that say nothing of the model.

    Args:
        folder: String or path.
        parts: Sequence of strings.
        weights: String.
        opset: Integer.

    Returns:
        Tuple of the folder's path, the parts, and the opset.

    Raises:
        ValueError: If a part, a type of weights or a version is not known.
        FileExistsError: If the folder exists.
        ImportError: If `onnx` or `onnxruntime` is not installed.
    """
    folder = pathlib.Path(folder)
    parts = (parts,) if isinstance(parts, str) else tuple(parts)
    if not parts:
        known = list(ALL_PARTS)
        raise ValueError(f"`parts` must be some of {known}. Received: parts=[]")
    for part in parts:
        check_choice("parts", part, ALL_PARTS)
    check_choice("weights", weights, WEIGHT_TYPES)
    opset = read_integer("opset", opset)
    if opset < LEAST_OPSET:
        raise ValueError(
            f"`opset` must be at least {LEAST_OPSET}. Received: opset={opset}"
        )
    if folder.exists():
        raise FileExistsError(
            "The folder of an export must not exist yet. "
            f"Received: folder={str(folder)!r}"
        )
    for module in ("onnx", "onnxruntime"):
        check_installed(module, "ONNX export", EXTRA)
    return folder, tuple(dict.fromkeys(parts)), opset


def check_encoder(parts, steps, has_encoder):
    """Raises a `ValueError` if parts need an encoder that is not there.

    Args:
        parts: Sequence of strings.
        steps: Integer. Steps of the part "sample".
        has_encoder: Boolean.
    """
    needing = [
        part for part in parts if part == "encoder" or (part == "sample" and steps > 1)
    ]
    if needing and not has_encoder:
        raise ValueError(
            "This model has its decoder only: `parts` can be "
            '["decoder"], and "sample" of steps=1. '
            f"Received: parts={list(parts)} with steps={steps}"
        )


def find_files(folder):
    """The files of an export by part; the decoder is one of them.

    Args:
        folder: String or path.

    Returns:
        Dict of part -> path.

    Raises:
        FileNotFoundError: If there is no such folder, or no decoder in it.
        ImportError: If `onnxruntime` is not installed.
    """
    folder = pathlib.Path(folder)
    check_installed("onnxruntime", "Reading an exported model", EXTRA)
    files = {part: folder / f"{part}{SUFFIX}" for part in ALL_PARTS}
    if not files["decoder"].is_file():
        raise FileNotFoundError(
            f"A folder that `export_onnx` wrote has a file decoder{SUFFIX}; this one "
            f"has none. Received: onnx={str(folder)!r}"
        )
    return {part: path for part, path in files.items() if path.is_file()}
