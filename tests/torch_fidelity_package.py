"""Modules of torch-fidelity without what its package imports, torchvision above all."""

import contextlib
import importlib
import pathlib
import sys
import types

import pytest


class _Unused(types.ModuleType):
    """Stands for a module of which no function is called here."""

    def __getattr__(self, name):
        return None if name.startswith("__") else name


@contextlib.contextmanager
def torch_fidelity(name, unused=()):
    """Imports one module of the package, from where the Makefile has put it.

    Args:
        name: String. The module.
        unused: Tuple of modules that it imports and that need not be there.
    """
    folder = pathlib.Path(sys.prefix) / "reference" / "torch_fidelity"
    if not folder.is_dir():
        pytest.skip(f"needs torch-fidelity in {folder.parent}: see the Makefile")
    package = types.ModuleType("torch_fidelity")
    package.__path__ = [str(folder)]
    sys.modules["torch_fidelity"] = package
    for module in unused:
        sys.modules[f"torch_fidelity.{module}"] = _Unused(module)
    try:
        yield importlib.import_module(f"torch_fidelity.{name}")
    finally:
        for module in [m for m in sys.modules if m.startswith("torch_fidelity")]:
            del sys.modules[module]
