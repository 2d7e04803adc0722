"""TensorFlow stays out of processes of JAX and PyTorch that have no use for it.

Keras imports it, wherever it is installed, in order to ask whether what it saves is of
one of TensorFlow's types, and to seed it: 6 to 8 s in which a training does not start.
"""

import contextlib
import sys

try:
    from keras.src.utils.module_utils import tensorflow as _tensorflow
except ImportError:  # another Keras: it may import what it likes
    _tensorflow = None


def without_tensorflow():
    """Context in which Keras does without TensorFlow, unless it is imported already.

    What is of a type of TensorFlow's is only there once TensorFlow is imported, so
    files are the same.
    """
    return unless_imported(_tensorflow)


@contextlib.contextmanager
def unless_imported(module):
    """Context in which an optional package of Keras' counts as missing.

    It does nothing if the package is imported, Keras has looked for it already, or
    Keras does not keep in `_available` whether it has.

    Args:
        module: `LazyModule` of Keras'.
    """
    if getattr(module, "_available", True) is not None or module.name in sys.modules:
        yield
        return
    module._available = False
    try:
        yield
    finally:
        module._available = None  # Keras looks again when it is asked the next time
