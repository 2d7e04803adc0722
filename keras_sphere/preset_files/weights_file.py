"""A preset's weights: Keras' `.weights.h5`, float32 or float16, and checks of it."""

import h5py
import keras
import ml_dtypes
import numpy as np

from keras_sphere.file_integrity import CorruptFileError


def write_weights(backbone, path, dtype="float32", averages=()):
    """Writes the weights of a Keras model; its own `load_weights` reads them.

    Args:
        backbone: Keras model.
        path: `pathlib.Path` that ends in `.weights.h5`.
        dtype: `"float32"` or `"float16"`.
        averages: Pairs of a variable and the value to write in its place.

    Raises:
        ValueError: If a weight is not finite in `dtype`.
    """
    full = path.with_name(f"full-{path.name}")
    mapping = [(variable, keras.ops.convert_to_tensor(v)) for variable, v in averages]
    try:
        with keras.StatelessScope(state_mapping=mapping):
            backbone.save_weights(full)
        _cast(full, path, dtype)
    finally:
        full.unlink(missing_ok=True)


def _cast(source, target, dtype):
    """Copies a file of weights with all of them in one dtype."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:

        def copy(name, item):
            if isinstance(item, h5py.Group):
                new.require_group(name).attrs.update(item.attrs)
                return
            values = item[()]
            if item.attrs.get("dtype") == "bfloat16":
                values = values.view(ml_dtypes.bfloat16)
            with np.errstate(over="ignore"):
                values = values.astype(dtype)
            if not np.all(np.isfinite(values)):
                raise ValueError(
                    f"The weight {name} has values that are not finite as {dtype}. "
                    f"Received: dtype={dtype!r}"
                )
            new.create_dataset(name, data=values)

        old.visititems(copy)


def check_contents(path, num_values):
    """Checks what a file of weights holds before any of it is read.

    Args:
        path: String or path.
        num_values: Integer. How many numbers all its arrays hold together.

    Raises:
        CorruptFileError: If it is no HDF5 file.
        ValueError: If it refers to other files, holds anything but arrays of
            floats, or not exactly `num_values` numbers.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise CorruptFileError(f"{path} is not an HDF5 file: {error}") from error
    with file:
        total = _count_values(file, path)
    if total != num_values:
        raise ValueError(
            f"{path} must hold the {num_values} weights that its configuration "
            f"states. Received: {total} values"
        )


def _count_values(file, path):
    total, waiting, seen = 0, [file["/"]], set()
    while waiting:
        group = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            raise ValueError(f"{path} is not a tree. Received: {group.name} again")
        seen.add(address)
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(
                    f"{path} must not refer to other places. Received: a link {place}"
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                waiting.append(item)
                continue
            if (
                not isinstance(item, h5py.Dataset)
                or item.dtype.kind != "f"
                or item.is_virtual
                or item.external
            ):
                raise ValueError(
                    f"{path} must hold arrays of floats, kept in the file itself. "
                    f"Received: {place} of another kind"
                )
            total += item.size
    return total
