"""Imports of packages that only some features need."""

import importlib
import importlib.util

# What pip calls the package of a module, where that is another name.
_PIP_NAMES = {
    "PIL": "pillow",
    "array_record": "array-record",
    "huggingface_hub": "huggingface-hub",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
}


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
        raise _missing(module, purpose, extra) from error


def check_installed(module, purpose, extra="data"):
    """Raises what `import_optional` would, before the module is needed.

    Nothing is imported, so that it takes no time.

    Args:
        module: String. Dotted name of the module.
        purpose: String. What needs it, for the message.
        extra: String. The extra of this package that brings it.

    Raises:
        ImportError: If the package is not installed.
    """
    if importlib.util.find_spec(module.split(".")[0]) is None:
        raise _missing(module, purpose, extra)


def _missing(module, purpose, extra):
    package = module.split(".")[0]
    return ImportError(
        f"{purpose} needs the package {_PIP_NAMES.get(package, package)}, which is "
        f'not installed. Install it with `pip install "keras-sphere[{extra}]"`. '
        f"Received: module={module!r}"
    )
