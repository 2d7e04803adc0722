"""Tests with the marker `any_backend` run on one backend: no other can change them."""

import ast
import pathlib

import pytest

from tests.test_architecture import (
    BACKENDS,
    imported_names,
    module_imports,
    sources,
)

pytestmark = pytest.mark.any_backend

TESTS = pathlib.Path(__file__).parent
# What Keras has for NumPy arrays and text, alike on every backend.
ALIKE = (
    "keras.ops.convert_to_numpy",
    "keras.ops.is_tensor",
    "keras.backend.standardize_dtype",
    "keras.utils",
)
TOP = "keras_sphere.__init__"  # imports all there is
# Imported with data, and used only where somebody says this word.
ON_REQUEST = {"keras_sphere.data.augmentation": "augment"}


class _WithoutTypes(ast.NodeTransformer):
    """Leaves out annotations of arguments and results, which use nothing."""

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.generic_visit(node)


def uses_of_tensors(source, module):
    """What a module uses of Keras, beyond `ALIKE`, and of backends; a set of names."""
    roots = {name.split(".")[0] for _, name in imported_names(source, module)}
    found = roots & set(BACKENDS)
    for node in ast.walk(_WithoutTypes().visit(ast.parse(source))):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name) and node.id == "keras":
            found.add(".".join(["keras", *parts]))
    return {name for name in found if not any(_overlap(name, a) for a in ALIKE)}


def _overlap(name, other):
    """Whether one dotted name is the other, or a part of it."""
    return f"{name}.".startswith(f"{other}.") or f"{other}.".startswith(f"{name}.")


def modules():
    """Dict of dotted name -> code of the package and of its tests."""
    tests = {
        ".".join(["tests", *path.relative_to(TESTS).with_suffix("").parts]): path
        for path in sorted(TESTS.rglob("*.py"))
    }
    return {**sources(), **{name: path.read_text() for name, path in tests.items()}}


def reached(start, imports):
    """All modules that one imports, and those that they import, and so on."""
    found, waiting = set(), [start]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += imports[module]
    return found


def is_marked(source):
    """Whether all tests of a module have the marker."""
    return "\npytestmark = pytest.mark.any_backend\n" in source


def faults(code):
    """What marked tests reach and must not, as sentences."""
    found, imports = [], module_imports(code)
    for test, source in code.items():
        modules = sorted(reached(test, imports)) if is_marked(source) else ()
        words = "".join(code[name] for name in modules if name.startswith("tests."))
        for module in modules:
            if ON_REQUEST.get(module, "") not in words:
                continue
            used = uses_of_tensors(code[module], module)
            if used or module == TOP:
                found.append(f"{test} reaches {module}: {sorted(used)}")
    return found


def test_marked_tests_reach_no_tensors():
    code = modules()
    assert sum(map(is_marked, code.values())) > 20
    assert faults(code) == []


@pytest.mark.parametrize(
    ("helper", "is_fine"),
    [
        ("import keras\nx = keras.utils.to_categorical([1])", True),
        ("import keras\nx = keras.ops.convert_to_numpy([1])", True),
        ("import keras\ndef f(x: keras.Layer) -> keras.Layer: ...", True),
        ("import keras\nx = keras.ops.zeros(3)", False),
        ("import torch", False),
        ("def f():\n    from keras_sphere import geometry", False),
        ("from keras_sphere.data import load", True),
        ("import keras_sphere", False),
        ("from keras_sphere.data import load\nload('fake', augment='flip')", False),
    ],
)
def test_the_check_finds(helper, is_fine):
    test = "from tests.helper import x\n\npytestmark = pytest.mark.any_backend\n"
    code = {**sources(), "tests.helper": helper, "tests.test_x": test}
    assert (faults(code) == []) == is_fine
