"""What the package's `__init__` files export, read without importing anything."""

import ast
import functools
import pathlib

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = "keras_sphere"


def path_of(module):
    """The file of a module of the package.

    Args:
        module: String. Its dotted name.
    """
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def exported(module):
    """The names in a module's `__all__`; none, if it has none.

    Args:
        module: String. Its dotted name.

    Returns:
        Tuple of strings.
    """
    for node in ast.parse(path_of(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return tuple(ast.literal_eval(node.value))
    return ()


def lazy_places(source):
    """The names that a package takes from its modules when they are first used.

    Args:
        source: String. The code of its `__init__.py`.

    Returns:
        Dict of name -> module in the package.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "lazy_names":
            modules = ast.literal_eval(node.args[-1])
            return {name: place for place, names in modules.items() for name in names}
    return {}


def public_modules():
    """The package and the modules that its `__all__` names, in order of the alphabet.

    Returns:
        List of dotted names.
    """
    names = (f"{PACKAGE}.{name}" for name in sorted(exported(PACKAGE)))
    return [PACKAGE, *(name for name in names if path_of(name).exists())]
