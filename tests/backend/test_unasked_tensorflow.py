"""Packages that Keras looks for, unless it is told to do without."""

import sys
import types

import pytest
from keras.src.utils.module_utils import LazyModule

from keras_sphere.backend.unasked_tensorflow import unless_imported


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Keras' view of a package that nobody has imported."""
    (tmp_path / "a_large_package.py").write_text("size = 3")
    monkeypatch.syspath_prepend(tmp_path)
    yield LazyModule("a_large_package")
    sys.modules.pop("a_large_package", None)


def test_a_package_is_missing_for_a_while(package):
    with unless_imported(package), unless_imported(package):
        assert not package.available
    assert "a_large_package" not in sys.modules
    assert package.available
    assert package.size == 3


def test_an_imported_package_is_not_missed(package):
    __import__("a_large_package")
    with unless_imported(package):
        assert package.available


def test_an_answer_that_keras_has_stays():
    package = LazyModule("a_package_that_is_not_installed")
    assert not package.available
    with unless_imported(package):
        pass
    assert package._available is False


@pytest.mark.parametrize("module", [None, types.SimpleNamespace(name="tensorflow")])
def test_another_keras_is_left_alone(module):
    with unless_imported(module):
        assert module is None or vars(module) == {"name": "tensorflow"}
