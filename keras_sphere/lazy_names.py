"""Packages whose modules are imported when a name of theirs is first used.

So that what needs no Keras, such as a check of a flag, does not wait for it.
"""

import importlib
import sys


def lazy_names(package, modules):
    """The `__getattr__` of a package.

    Args:
        package: String. The package's `__name__`.
        modules: Dict of the name of a module in it -> tuple of the names that the
            package takes from there, none of which is the name of a module in it.

    Returns:
        Callable of a name.
    """
    places = {name: module for module, names in modules.items() for name in names}

    def find(name):
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{places[name]}")
        value = getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return find
