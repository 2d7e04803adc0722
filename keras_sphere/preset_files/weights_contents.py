"""What a preset's file of weights may hold, checked before any of it is read."""

import h5py

from keras_sphere.files.integrity import CorruptFileError


def check_contents(path, num_values):
    """Checks what a file of weights holds before any of it is read.

    Args:
        path: String or path.
        num_values: Integer. How many numbers all its arrays hold together.

    Raises:
        CorruptFileError: If it is no HDF5 file.
        ValueError: If it refers to other files, holds anything but arrays of
            floats or of int8, or not exactly `num_values` numbers.
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
                or (item.dtype.kind != "f" and item.dtype != "int8")
                or item.is_virtual
                or item.external
            ):
                raise ValueError(
                    f"{path} must hold arrays of floats or int8, in the file itself. "
                    f"Received: {place} of another kind"
                )
            total += item.size
    return total
