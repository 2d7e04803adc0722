"""Tensors of a file of `torch.save`, read without PyTorch and without running code.

Such a file is a pickle, which could name any function, and beside it the numbers. Here
the pickle may name a dict and PyTorch's tensors and nothing else.
"""

import collections
import dataclasses
import math
import os
import pathlib
import pickle
import zipfile

import numpy as np

from keras_sphere.files.integrity import CorruptFileError

_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
# How a file of before PyTorch 1.6 starts: pickles of two numbers and of a dict.
_LEGACY_MAGIC, _LEGACY_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def read_torch_file(path):
    """Reads a dict of tensors, such as a `state_dict`.

    Args:
        path: String or path of a file that `torch.save` wrote, in its present format
            or in that of before PyTorch 1.6.

    Returns:
        Dict of name -> array.

    Raises:
        CorruptFileError: If the file is missing, cut short or of another format.
        ValueError: If it holds anything but a dict of tensors of float16, float32,
            float64, int32 or int64.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise CorruptFileError(f"{path} is missing.")
    try:
        content, values = (
            _read_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path)
        )
        if not isinstance(content, dict):
            raise _RefusedError(type(content).__name__)
        return {name: _array(name, t, values) for name, t in content.items()}
    except _RefusedError as error:
        raise ValueError(
            f"{path} must hold a dict of tensors of numbers and nothing else: other "
            f"objects are not loaded, since they could run code. Received: {error}"
        ) from error
    except Exception as error:  # bytes at random make a pickle raise anything
        raise CorruptFileError(
            f"{path} is no whole file of torch.save: {error}"
        ) from error


class _RefusedError(Exception):
    """What a file holds and must not."""


@dataclasses.dataclass(frozen=True)
class _Storage:
    dtype: np.dtype
    key: str
    size: int


@dataclasses.dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Makes dicts, and records of tensors in place of tensors."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *arguments: _Tensor(*arguments[:4])
        if module == "torch" and name in _DTYPES:
            return np.dtype(_DTYPES[name])
        raise _RefusedError(f"{module}.{name}")

    def persistent_load(self, pid):
        _, dtype, key, _, size = pid[:5]
        return self.storages.setdefault(key, _Storage(dtype, key, size))


def _read_zip(path):
    """The content and the numbers by storage, of the present format."""
    with zipfile.ZipFile(path) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        with archive.open(name) as file:
            unpickler = _Unpickler(file)
            content = unpickler.load()
        folder = name.removesuffix(".pkl")
        return content, {
            key: np.frombuffer(archive.read(f"{folder}/{key}"), storage.dtype)
            for key, storage in unpickler.storages.items()
        }


def _read_legacy(path):
    """The content and the numbers by storage, of the old format."""
    with path.open("rb") as file:
        magic, protocol, _ = (_Unpickler(file).load() for _ in range(3))
        if (magic, protocol) != (_LEGACY_MAGIC, _LEGACY_PROTOCOL):
            raise ValueError("another format")
        unpickler = _Unpickler(file)
        content = unpickler.load()
        values, size = {}, os.fstat(file.fileno()).st_size
        for key in _Unpickler(file).load():
            dtype = unpickler.storages[key].dtype
            head = file.read(8)
            count = int.from_bytes(head, "little")
            if len(head) < 8 or count * dtype.itemsize > size - file.tell():
                raise EOFError("cut short")
            values[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
        return content, values


def _array(name, tensor, values):
    """A tensor's numbers, once they are seen to be within their storage."""
    if not isinstance(name, str) or not isinstance(tensor, _Tensor):
        raise _RefusedError(f"{name!r} of {type(tensor).__name__}")
    numbers = values[tensor.storage.key][tensor.offset :]
    shape, strides = tensor.shape, tensor.strides
    last = sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    largest = max(math.prod(shape), last + 1)
    if min((tensor.offset, *shape, *strides)) < 0 or largest > len(numbers):
        raise _RefusedError(f"{name!r} of shape {shape} and strides {strides}")
    strides = [stride * numbers.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(numbers, shape, strides).copy()
