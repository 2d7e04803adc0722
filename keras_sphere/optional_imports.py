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


def how_to_install(package, extra):
    """The lines of pip that bring a package, as text.

    Args:
        package: String. What pip calls it.
        extra: String. The extra of this package that brings it, and its kind.
    """
    return (
        f'`pip install {package}`, or with all of its kind: `pip install "keras-sphere'
        f'[{extra}]"` (in a checkout `pip install -e ".[{extra}]"`)'
    )


def _missing(module, purpose, extra):
    package = module.split(".")[0]
    name = _PIP_NAMES.get(package, package)
    return ImportError(
        f"{purpose} needs the package {name}, which is not installed. Install it with "
        f"{how_to_install(name, extra)}. Received: module={module!r}"
    )
