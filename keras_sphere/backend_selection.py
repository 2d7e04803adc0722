"""Which backend Keras runs on when the user has not said."""

import importlib.util
import json
import logging
import os
import pathlib
import sys

BACKENDS = ("tensorflow", "jax", "torch")

logger = logging.getLogger("keras_sphere")


def choose_backend(environ, config_path, installed):
    """Decides whether `KERAS_BACKEND` has to be set, and to what.

    Keras writes `"backend": "tensorflow"` into its configuration file by itself, so
    that value is a choice only if TensorFlow is installed.

    Args:
        environ: Mapping of environment variables.
        config_path: Path of Keras' configuration file, which need not exist.
        installed: Callable from a package name to whether it is installed.

    Returns:
        Name of a backend, or `None` to leave things as they are.

    Raises:
        ImportError: If no backend is installed.
    """
    if environ.get("KERAS_BACKEND"):
        return None
    try:
        configured = json.loads(pathlib.Path(config_path).read_text())["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        configured = "tensorflow"
    if configured != "tensorflow" or installed("tensorflow"):
        return None
    for name in BACKENDS:
        if installed(name):
            return name
    raise ImportError(
        "keras_sphere needs JAX, TensorFlow or PyTorch. Install one, for example with "
        '`pip install "keras-sphere[jax]"`. Received: none of them is installed'
    )


def select_backend():
    """Sets `KERAS_BACKEND` if the user made no choice that can work.

    Raises:
        ImportError: If no backend is installed.
    """
    if "keras" in sys.modules:
        return
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    config_path = os.path.join(os.path.expanduser(home), "keras.json")
    backend = choose_backend(os.environ, config_path, _is_installed)
    if backend is not None:
        os.environ["KERAS_BACKEND"] = backend
        logger.debug("KERAS_BACKEND is not set: using %s", backend)


def _is_installed(package):
    return importlib.util.find_spec(package) is not None
