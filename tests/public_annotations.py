"""Finds public functions whose arguments or results have no types.

    python -m tests.public_annotations

Public are the functions and classes that the package and its public modules export. Of
a class its constructor, methods and properties count, inherited from this package, too;
not those of a Keras class that take the place of Keras' own. Nothing is imported.
"""

import ast
import functools
import sys

from docs_build.public_names import (
    PACKAGE,
    exported,
    lazy_places,
    path_of,
    public_modules,
)

# Of layers, models, losses, optimizers, and of what they are saved by.
KERAS_OWN = {
    *("add_optimizer_variables", "build", "call", "compile", "compile_from_config"),
    *("compute_loss", "compute_metrics", "compute_output_shape", "compute_output_spec"),
    *("evaluate", "export", "finalize_variable_values", "fit", "from_config"),
    *("get_build_config", "get_compile_config", "get_config", "get_metrics_result"),
    *("load_own_variables", "predict", "predict_on_batch", "predict_step", "quantize"),
    *("save", "save_own_variables", "save_weights", "test_on_batch", "test_step"),
    *("train_on_batch", "train_step", "update_step"),
}
CALLBACK = "on_"  # start of the names of a callback's methods

parsed = functools.cache(ast.parse)


@functools.cache
def source_of(module):
    return path_of(module).read_text(encoding="utf-8")


def without_types(module, name, read=source_of):
    """What of a public name has no types.

    Args:
        module: String. Dotted name of a module of the package.
        name: String. What it exports.
        read: Callable of a module's dotted name that returns its code.

    Returns:
        List of strings, `module:line: name: arguments without types`.
    """
    place = _find(module, name, read)
    if place is None:
        return []
    module, node = place
    if isinstance(node, ast.FunctionDef):
        return _missing(module, node, name)
    methods = _methods(module, node, read)
    is_keras = any(base.startswith("keras.") for base in _bases(module, node, read))
    return [
        problem
        for where, method in methods.values()
        if not (is_keras and _is_keras_own(method.name))
        for problem in _missing(where, method, f"{name}.{method.name}")
    ]


def _find(module, name, read):
    """Module and definition of a function or class; `None` for anything else."""
    tree = parsed(read(module))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return module, node
    place = lazy_places(read(module)).get(name)
    if place:
        return _find(f"{module}.{place}", name, read)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _imported(node.module, alias.name, read)
    return None


def _imported(module, name, read):
    is_ours = module.split(".")[0] == PACKAGE
    if not is_ours or path_of(f"{module}.{name}").exists():
        return None
    return _find(module, name, read)


def _base_classes(module, node, read):
    """Modules and definitions of a class's bases in this package."""
    for base in node.bases:
        place = _find(module, ast.unparse(base), read)
        if place and isinstance(place[1], ast.ClassDef):
            yield place


def _methods(module, node, read):
    """Dict of name -> module and definition of each public method."""
    found = {}
    for where, base in reversed(list(_base_classes(module, node, read))):
        found |= _methods(where, base, read)
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and _is_public(method.name):
            found[method.name] = module, method
    return found


def _bases(module, node, read):
    """Names of all bases, as they are written."""
    names = [ast.unparse(base) for base in node.bases]
    for where, base in _base_classes(module, node, read):
        names += _bases(where, base, read)
    return names


def _is_public(name):
    return not name.startswith("_") or name in ("__init__", "__call__")


def _is_keras_own(name):
    return name in KERAS_OWN or name.startswith(CALLBACK)


def _missing(module, function, name):
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    arguments += [extra for extra in (given.vararg, given.kwarg) if extra]
    names = [argument.arg for argument in arguments if argument.annotation is None]
    names = [argument for argument in names if argument not in ("self", "cls")]
    names += [] if function.returns else ["the result"]
    place = f"{module}:{function.lineno}: {name}"
    return [f"{place}: no type of {', '.join(names)}"] if names else []


def all_without_types():
    """What of all public names has no types, sorted."""
    found = {
        problem
        for module in public_modules()
        for name in exported(module)
        for problem in without_types(module, name)
    }
    return sorted(found)


if __name__ == "__main__":
    problems = all_without_types()
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(bool(problems))
