"""Packages that import a module when a name of it is first used."""

import ast
import pathlib
import pkgutil
import sys

import pytest

from docs_build.public_names import lazy_places
from keras_sphere import convert, data, evaluation, export, perceptual, presets

PACKAGES = [convert, data, evaluation, export, perceptual, presets]


def test_the_module_is_imported_by_its_name(tmp_path, monkeypatch):
    package = tmp_path / "lazy_package"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from keras_sphere.lazy_names import lazy_names\n"
        "__getattr__ = lazy_names(__name__, {'part': ('value',), 'other': ('x',)})\n"
    )
    (package / "part.py").write_text("value = [3]\n")
    monkeypatch.syspath_prepend(tmp_path)
    import lazy_package

    assert "lazy_package.part" not in sys.modules
    assert lazy_package.value == [3]
    assert lazy_package.value is sys.modules["lazy_package.part"].value
    assert "lazy_package.other" not in sys.modules
    with pytest.raises(AttributeError, match=r"'lazy_package' has no attribute 'y'"):
        _ = lazy_package.y


@pytest.mark.parametrize("package", PACKAGES)
def test_all_names_are_there(package):
    """None has the name of a module, which would take its place once imported."""
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert not modules & set(package.__all__)
    assert all(getattr(package, name) is not None for name in package.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_same_names(package):
    source = pathlib.Path(package.__file__).read_text()
    (block,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        alias.name: node.module.removeprefix(f"{package.__name__}.")
        for node in block.body
        for alias in node.names
    }
    assert seen == lazy_places(source)
