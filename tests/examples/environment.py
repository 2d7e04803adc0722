"""What an example finds around it when a test starts it."""

import os
import pathlib

import keras

ROOT = pathlib.Path(__file__).parents[2]


def example_environment():
    """Environment variables: this checkout, this backend, and little compilation.

    An example runs each program few times.
    """
    return {
        **os.environ,
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "KERAS_BACKEND": keras.backend.backend(),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
