"""Which backend runs, and all that differs between JAX, TensorFlow and PyTorch.

`selection` comes before Keras is imported; so nothing is imported here.
"""

import importlib


def __getattr__(name):
    """What `operations` has, such as `keras_sphere.backend.sync_variables`."""
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(importlib.import_module("keras_sphere.backend.operations"), name)
