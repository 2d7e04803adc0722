"""Which Keras backend to run on, decided before Keras is imported."""

import importlib
import importlib.util
import json
import logging
import os
import pathlib
import sys

BACKENDS = ("tensorflow", "jax", "torch")
COMMAND = "keras-sphere"  # as pyproject.toml names it

logger = logging.getLogger("keras_sphere")


def select_backend():
    """Picks an installed backend if nobody has chosen one.

    Keras defaults to TensorFlow and dies where it is not installed. This sets
    `KERAS_BACKEND` to the first installed backend instead, and says so on the log
    at debug level. It does nothing once Keras is imported.

    Raises:
        ImportError: If no backend is installed, or not the one that was chosen.
    """
    if "keras" in sys.modules:
        return
    installed = [name for name in BACKENDS if _is_installed(name)]
    backend = choose_backend(os.environ, keras_config_path(os.environ), installed)
    if backend is None:
        logger.debug("The backend is the one that Keras is configured for.")
        return
    os.environ["KERAS_BACKEND"] = backend
    logger.debug(
        "The backend is %s, the first installed; KERAS_BACKEND chooses another.",
        backend,
    )


def import_keras():
    """Imports Keras without packages that it imports wherever they are installed.

    They take up to half of the time that a command needs to start. Afterwards they can
    be imported as ever; Keras' own wrappers of scikit-learn and galleries of matplotlib
    do not work in this process. It does nothing once Keras is imported.
    """
    if "keras" in sys.modules:
        return
    hidden = {"matplotlib", "sklearn"}
    if os.environ.get("KERAS_BACKEND") in ("tensorflow", "torch"):
        hidden.add("jax")
    hidden -= set(sys.modules)
    sys.modules.update(dict.fromkeys(hidden))
    try:
        importlib.import_module("keras")
    finally:
        for name in hidden:
            del sys.modules[name]


def starts_as_command(arguments, original_arguments):
    """Whether Python is about to run `python -m keras_sphere`, or `keras-sphere`.

    Python imports a package before its `__main__`. The command line imports what it
    needs itself, so that `--help` does not wait for a backend.

    Args:
        arguments: List of strings, `sys.argv`; its first one is `"-m"` while Python
            still looks for the module to run.
        original_arguments: List of strings, `sys.orig_argv`.
    """
    if arguments[:1] != ["-m"]:
        return pathlib.PurePath(arguments[0] if arguments else "").stem == COMMAND
    module = original_arguments[len(original_arguments) - len(arguments)]
    return module.removeprefix("-m") == "keras_sphere"


def choose_backend(environ, config_path, installed):
    """Decides which backend to set, if any.

    `KERAS_BACKEND` is a choice, and so is a backend in Keras' configuration file,
    except `"tensorflow"`: Keras writes that by itself the first time it runs.

    Args:
        environ: Mapping of environment variables.
        config_path: String. Path of Keras' configuration file, which need not exist.
        installed: List of strings. The installed backends, the preferred one first.

    Returns:
        Name of the backend to set, or `None` if Keras' own choice stands.

    Raises:
        ImportError: If the choice is not installed, or there is none and no backend is
            installed.
    """
    chosen = environ.get("KERAS_BACKEND")
    configured = _configured_backend(config_path)
    if chosen or configured != "tensorflow":
        _check_installed(chosen or configured, bool(chosen), installed)
        return None
    if configured in installed:
        return None
    if not installed:
        raise ImportError(
            "keras_sphere needs TensorFlow, JAX or PyTorch, and none is installed. "
            "Install one, for example by `pip install jax`. "
            f"Received: installed={list(installed)}"
        )
    return installed[0]


def _check_installed(backend, is_in_environment, installed):
    """Raises where Keras would fail to import a backend that we know."""
    if backend in BACKENDS and backend not in installed:
        where = "KERAS_BACKEND" if is_in_environment else "Keras' file keras.json"
        raise ImportError(
            f"{where} chooses the backend {backend}, which is not installed. Install "
            f"it by `pip install {backend}`, or set KERAS_BACKEND to another. "
            f"Received: installed={list(installed)}"
        )


def selected_backend():
    """The backend that Keras runs on, or is going to run on, as a string."""
    environ = os.environ
    return environ.get("KERAS_BACKEND") or _configured_backend(
        keras_config_path(environ)
    )


def keras_config_path(environ):
    """Where Keras keeps its configuration file.

    Args:
        environ: Mapping of environment variables.

    Returns:
        String. The path, whether or not there is a file.
    """
    folder = environ.get("KERAS_HOME")
    if folder is None:
        home = os.path.expanduser("~")
        folder = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    return os.path.expanduser(os.path.join(folder, "keras.json"))


def _configured_backend(config_path):
    try:
        with open(config_path) as file:
            return json.load(file).get("backend", "tensorflow")
    except (OSError, ValueError, AttributeError):
        return "tensorflow"


def _is_installed(name):
    """Whether a package can be imported; a bare folder of that name does not count."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None
