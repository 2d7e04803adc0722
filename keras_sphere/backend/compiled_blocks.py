"""Blocks that torch compiles as one function of tensors, where that is asked for.

A whole training step through Keras' layers takes torch minutes to compile; a block as
a function of its weights takes seconds, once for all blocks of equal shapes.
"""

import contextlib
import functools
import types

import keras

ON_TORCH = keras.backend.backend() == "torch"

if ON_TORCH:
    import torch

# Not a variable of the context: what is rematerialized runs in a thread of torch.
_ASKED_FOR = [False]


@contextlib.contextmanager
def compiled_blocks(asked_for):
    """Context in which blocks run as torch has compiled them.

    Args:
        asked_for: Boolean. Whether they do; elsewhere in the program they do not.
    """
    before, _ASKED_FOR[0] = _ASKED_FOR[0], bool(asked_for)
    try:
        yield
    finally:
        _ASKED_FOR[0] = before


def are_asked_for():
    """Whether a block is to call `run_compiled`; never but on torch."""
    return ON_TORCH and _ASKED_FOR[0]


def run_compiled(function, batches, *arguments):
    """Runs a function of torch tensors as torch has compiled it.

    It is compiled when it first runs, with gradients and without, and serves every
    size of a batch; a batch of one gets a program of its own.

    Args:
        function: Callable of tensors only that no other than its arguments matter to.
        batches: List of tensors whose first axis is the batch, or `None`.
        *arguments: Further arguments: (nested) tensors, and numbers.

    Returns:
        What `function` returns.
    """
    for tensor in batches:
        if tensor is not None:
            torch._dynamo.maybe_mark_dynamic(tensor, 0)
    sizes = tuple(tensor is not None and tensor.shape[1:] for tensor in batches)
    program = _program(function, sizes, batches[0].dtype, torch.is_grad_enabled())
    return program(*batches, *arguments)


@functools.cache
def _program(function, *_):
    # Torch gives up compiling a code after eight programs, so each kind of input gets
    # a copy of it; and it would make all sizes dynamic, which is slow, not only the
    # batch.
    own = types.FunctionType(function.__code__.replace(), function.__globals__)
    return torch.compile(own, dynamic=False)
