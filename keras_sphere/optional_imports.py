"""Imports of packages that only some features need."""

import importlib


def import_optional(module, purpose, extra="data"):
    """Imports a module of an extra, or says how to install it.

    Args:
        module: String. Dotted name of the module, such as `"scipy.spatial"`.
        purpose: String. What needs it, for the message.
        extra: String. The extra of this package that brings it.

    Returns:
        The module.

    Raises:
        ImportError: If the package is not installed.
    """
    package = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != package:
            raise
        raise ImportError(
            f"{purpose} needs the package `{package}`, which is not installed. "
            f'Install it with `pip install "keras-sphere[{extra}]"`. '
            f"Received: module={module!r}"
        ) from error
