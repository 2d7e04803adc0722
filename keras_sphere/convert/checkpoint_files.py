"""Named tensors in a file, read one at a time: `.pth`, safetensors or `.npz`."""

import contextlib
import dataclasses
import pathlib
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import ml_dtypes  # noqa: F401  teaches NumPy bfloat16
import numpy as np

from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.optional_imports import import_optional

FORMATS = ("pth", "safetensors")  # that are written; a .npz is read, too
# Which weights a file holds, and under what name.
KINDS = {"raw": "model", "ema": "ema_model"}
_LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """A tensor that stays in its file until it is read.

    Args:
        shape: Tuple of integers.
        read: Callable that returns the values, a float32 array.
    """

    shape: tuple[int, ...]
    read: Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Args:
        state_dicts: Dict from `"raw"` and `"ema"`, or `None` where the file does not
            say which, to dicts of `StoredTensor` by name.
        epoch: Integer or `None`.
    """

    state_dicts: dict[str, Any]
    epoch: int | None = None


@contextlib.contextmanager
def open_checkpoint(path, left_out=()):
    """Opens a file of tensors, none of which is read yet.

    Args:
        path: String or path that ends in `.pth`, `.safetensors` or `.npz`. Tensors
            of a `.pth` are in the dicts `model` and `ema_model`, beside which others
            are ignored; those of other files have these in front of their names. Or
            there is one state dict, and nothing says which.
        left_out: Tuple of endings of names. Tensors of a `.pth` with such names are
            passed over, whatever they hold.

    Yields:
        `Checkpoint`.

    Raises:
        CorruptFileError: If the file is missing, cut short or of another format.
        ValueError: If it holds anything but float tensors.
        ImportError: If the package that reads it is not installed.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise CorruptFileError(f"{path} is missing.")
    if path.suffix == ".safetensors":
        with _open_safetensors(path) as file:
            yield _safetensors_checkpoint(file, path)
    elif path.suffix == ".npz":
        with _open_npz(path) as archive:
            yield _npz_checkpoint(archive, path)
    elif path.suffix == ".pth":
        yield _torch_checkpoint(path, left_out)
    else:
        raise ValueError(
            "A checkpoint must end in .pth, .safetensors or .npz. "
            f"Received: path={str(path)!r}"
        )


def _open_safetensors(path):
    safetensors = import_optional("safetensors", "A .safetensors file", "convert")
    try:
        return safetensors.safe_open(path, framework="numpy")
    except safetensors.SafetensorError as error:
        raise CorruptFileError(f"{path} is no whole safetensors file: {error}") from (
            error
        )


def _safetensors_checkpoint(file, path):
    tensors = {}
    for name in file.keys():  # noqa: SIM118  the file is no dict
        part = file.get_slice(name)
        if part.get_dtype() not in ("F32", "F16", "BF16"):
            raise _unfit(path, name, part.get_dtype())
        tensors[name] = StoredTensor(
            tuple(part.get_shape()),
            lambda name=name: file.get_tensor(name).astype("float32"),
        )
    epoch = (file.metadata() or {}).get("epoch", "")
    return Checkpoint(_by_kind(tensors), int(epoch) if epoch.isdecimal() else None)


def _by_kind(tensors):
    """State dicts of tensors that have their dict in front of their names."""
    kinds = {stored: kind for kind, stored in KINDS.items()}
    state_dicts = {}
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        kind = kinds.get(first)
        state_dicts.setdefault(kind, {})[name if kind is None else rest] = tensor
    return state_dicts


def _open_npz(path):
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("another format, or cut short")
        return np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise CorruptFileError(f"{path} is no whole .npz file: {error}") from error


def _npz_checkpoint(archive, path):
    tensors, epoch = {}, None
    for name in archive.files:
        shape, dtype = _npy_header(archive, name, path)
        if name == "epoch" and shape == () and dtype.kind == "i":
            epoch = int(archive[name])
            continue
        if dtype not in (np.float32, np.float16):
            raise _unfit(path, name, dtype)
        tensors[name] = StoredTensor(
            shape, lambda name=name: archive[name].astype("float32")
        )
    return Checkpoint(_by_kind(tensors), epoch)


def _npy_header(archive, name, path):
    """Shape and dtype of an array whose values are not read."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        with archive.zip.open(f"{name}.npy") as file:
            shape, _, dtype = readers[np.lib.format.read_magic(file)](file)
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CorruptFileError(f"{path}: {name!r} is no array: {error}") from error
    return shape, dtype


def _torch_checkpoint(path, left_out):
    torch = _import_torch(path)
    try:
        content = torch.load(
            path, map_location="cpu", weights_only=True, mmap=not _is_legacy(path)
        )
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} must hold tensors, texts and numbers only: other objects are "
            f"not loaded, since they could run code. Received: {error}"
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise CorruptFileError(
            f"{path} is no whole file of torch.save: {error}"
        ) from error
    state_dicts = {None: content}
    if isinstance(content, dict) and set(KINDS.values()) & set(content):
        state_dicts = {
            kind: content[key] for kind, key in KINDS.items() if key in content
        }
    epoch = content.get("epoch") if isinstance(content, dict) else None
    return Checkpoint(
        {
            kind: _stored(tensors, path, left_out)
            for kind, tensors in state_dicts.items()
        },
        epoch if isinstance(epoch, int) else None,
    )


def _import_torch(path):
    try:
        return import_optional("torch", "A .pth file", "torch")
    except ImportError as error:
        raise ImportError(
            f"{error}. Without it: convert the file where PyTorch is, and copy the "
            "folder of the preset; or save its tensors there as .safetensors or .npz, "
            f"with {' or '.join(f'`{stored}.`' for stored in KINDS.values())} in front "
            f"of their names, beside it. Received: path={str(path)!r}"
        ) from error


def _is_legacy(path):
    """Whether a file is of before PyTorch 1.6, and cannot be mapped into memory."""
    with path.open("rb") as file:
        return file.read(len(_LEGACY_START)) == _LEGACY_START


def _stored(tensors, path, left_out):
    import torch

    if not isinstance(tensors, dict):
        raise _unfit(path, "the state dict", type(tensors).__name__)
    stored = {}
    for name, tensor in tensors.items():
        if isinstance(name, str) and name.endswith(left_out):
            continue
        dtype = getattr(tensor, "dtype", type(tensor).__name__)
        floats = (torch.float32, torch.float16, torch.bfloat16)
        if (
            not isinstance(name, str)
            or not isinstance(tensor, torch.Tensor)
            or tensor.layout != torch.strided
            or dtype not in floats
        ):
            raise _unfit(path, name, dtype)
        stored[name] = StoredTensor(
            tuple(tensor.shape),
            lambda tensor=tensor: tensor.detach().float().numpy(),
        )
    return stored


def _unfit(path, name, dtype):
    return ValueError(
        f"{path} must hold tensors of float32, float16 or bfloat16 by name. "
        f"Received: {name!r} of {dtype}"
    )


def write_checkpoint(path, kind, state_dict, epoch):
    """Writes a file that `open_checkpoint` reads.

    Args:
        path: `pathlib.Path` that ends in `.pth` or `.safetensors`.
        kind: `"raw"` or `"ema"`.
        state_dict: Dict from reference names to contiguous float32 arrays.
        epoch: Integer.
    """
    if path.suffix == ".safetensors":
        safetensors = import_optional(
            "safetensors.numpy", "A .safetensors file", "convert"
        )
        tensors = {f"{KINDS[kind]}.{name}": a for name, a in state_dict.items()}
        safetensors.save_file(tensors, path, metadata={"epoch": str(epoch)})
        return
    torch = import_optional("torch", "A .pth file", "torch")
    # torch warns of arrays that must not be written to.
    tensors = {
        name: torch.from_numpy(a if a.flags.writeable else np.array(a))
        for name, a in state_dict.items()
    }
    torch.save({KINDS[kind]: tensors, "epoch": epoch}, path)
