"""Functions of tensors that torch compiles into one kernel, where that is asked for."""

import contextlib
import functools

import keras

ON_TORCH = keras.backend.backend() == "torch"

if ON_TORCH:
    import torch

# Not a variable of the context: what is rematerialized runs in a thread of torch.
_ASKED_FOR = [False]


@contextlib.contextmanager
def one_kernel_each(asked_for=True):
    """Context in which functions made by `one_kernel` run as torch has compiled them.

    Args:
        asked_for: Boolean. Whether they do; elsewhere in the program they do not.
    """
    before, _ASKED_FOR[0] = _ASKED_FOR[0], asked_for
    try:
        yield
    finally:
        _ASKED_FOR[0] = before


def one_kernel(function):
    """Decorates a function of torch tensors that one kernel can compute.

    It is compiled once for all sizes of its arguments, and for its gradient, when it
    first runs within `one_kernel_each`; elsewhere it runs operation by operation.

    Args:
        function: Callable of tensors, and of floats that are always the same.
    """
    if not ON_TORCH:
        return function

    @functools.cache
    def compiled():  # on demand: the compiler takes seconds to import
        return torch.compile(function, dynamic=True)

    @functools.wraps(function)
    def run(*arguments):
        return (compiled() if _ASKED_FOR[0] else function)(*arguments)

    return run
