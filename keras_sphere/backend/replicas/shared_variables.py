"""Variables of which each process holds a copy, a summand or a part."""

import contextlib

import keras
import numpy as np

from keras_sphere.backend.replicas.process_group import all_reduced, in_group, processes

BACKEND = keras.backend.backend()

if BACKEND == "jax":
    from jax.experimental import multihost_utils
elif BACKEND == "torch":
    import torch


def make_equal_on_processes(variables):
    """Gives all processes the values of the first one (torch; JAX has one array)."""
    if in_group():
        with torch.no_grad():
            for variable in variables:
                torch.distributed.broadcast(variable.value.data, src=0)


@contextlib.contextmanager
def summed_over_processes(variables):
    """Context in which additive variables (of metrics) hold the sums of all processes.

    TensorFlow sums such variables itself when it reads them, and JAX has one.
    """
    values = [variable.value for variable in variables]
    is_needed = in_group() and values
    if not is_needed or any(value.is_meta for value in values):
        yield
        return
    own = [value.detach().clone() for value in values]
    for variable, total in zip(variables, all_reduced(own), strict=True):
        variable.assign(total)
    try:
        yield
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)


def own_part_of_sum(value):
    """What this process holds of a sum that was read by `summed_over_processes`."""
    is_first = processes()[0] == 0 or BACKEND != "torch"
    return value if is_first else np.zeros_like(value)


@contextlib.contextmanager
def whole_variables(variables):
    """Context in which this process can read variables that lie in several ones.

    Every process must enter it: the parts are sent around.
    """
    if BACKEND != "jax" or processes()[1] == 1:
        yield
        return
    scattered = [
        (variable, variable.value)
        for variable in variables
        if not variable.value.is_fully_replicated
    ]
    for variable, value in scattered:
        variable._value = whole_arrays(value)
    try:
        yield
    finally:
        for variable, value in scattered:
            variable._value = value


def whole_arrays(tree):
    """NumPy arrays of JAX arrays, of which this process may hold a part only."""

    def whole(array):
        if processes()[1] == 1 or array.is_fully_replicated:
            return np.asarray(array)
        return multihost_utils.process_allgather(array, tiled=True)

    return keras.tree.map_structure(whole, tree)
