"""A preset's weights: Keras' `.weights.h5`, float32 or float16."""

import math

import h5py
import keras
import ml_dtypes
import numpy as np

from keras_sphere.files.atomic_file import check_space


class _OtherValues(keras.StatelessScope):
    """In this scope, a function says what value a variable has."""

    def __init__(self, value_of):
        super().__init__(initialize_variables=False)
        self._value_of = value_of

    def get_current_value(self, variable):
        value = self._value_of(variable)
        if value is None or isinstance(value, np.ndarray):
            return value  # which is written without a copy by the backend
        return keras.ops.convert_to_tensor(value)


class _Diverted(keras.StatelessScope):
    """In this scope, a function receives what is assigned to a variable."""

    def __init__(self, receive):
        super().__init__(initialize_variables=False)
        self._receive = receive

    def add_update(self, update):
        self._receive(*update)


def write_weights(backbone, path, dtype="float32", value_of=lambda variable: None):
    """Writes the weights of a Keras model; its own `load_weights` reads them.

    Args:
        backbone: Keras model. Its variables may have no values of their own, if
            `value_of` gives some.
        path: `pathlib.Path` that ends in `.weights.h5`.
        dtype: `"float32"` or `"float16"`. Integers, of quantized layers, stay so.
        value_of: Callable that takes a variable and returns the array to write in
            its place, or `None`. It is called once per variable, and its array is
            kept no longer than it takes to write it.

    Raises:
        ValueError: If a weight is not finite in `dtype`.
        OSError: If the disk is full.
    """
    full = path.with_name(f"full-{path.name}")
    try:
        check_space(full, estimate_bytes(backbone.weights))
        with _OtherValues(value_of):
            backbone.save_weights(full)
        check_space(path, full.stat().st_size)
        _cast(full, path, dtype)
    finally:
        full.unlink(missing_ok=True)


def estimate_bytes(variables):
    """About the size of a file of variables: HDF5 crashes if it cannot write.

    Args:
        variables: Sequence of Keras variables.

    Returns:
        Integer.
    """
    values = sum(math.prod(variable.shape) for variable in variables)
    return 4 * values + 2048 * len(variables)


def read_weights(backbone, path, receive):
    """Reads a file of weights one by one, without keeping them in the model.

    Args:
        backbone: Keras model, whose variables need no values of their own and
            keep those they have.
        path: `pathlib.Path` that ends in `.weights.h5`.
        receive: Callable that takes a variable and its value, a tensor.
    """
    with _Diverted(receive):
        backbone.load_weights(path)


def _cast(source, target, dtype):
    """Copies a file of weights with all that are floats in one dtype."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:

        def copy(name, item):
            if isinstance(item, h5py.Group):
                new.require_group(name).attrs.update(item.attrs)
                return
            values = item[()]
            if item.attrs.get("dtype") == "bfloat16":
                values = values.view(ml_dtypes.bfloat16)
            if values.dtype.kind != "i":
                with np.errstate(over="ignore"):
                    values = values.astype(dtype)
            if not np.all(np.isfinite(values)):
                raise ValueError(
                    f"The weight {name} has values that are not finite as {dtype}. "
                    f"Received: dtype={dtype!r}"
                )
            new.create_dataset(name, data=values)

        old.visititems(copy)
