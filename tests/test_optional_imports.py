"""Optional packages: not needed to import, and named when they are missing."""

import pathlib
import subprocess
import sys
import textwrap

import pytest

from keras_sphere.optional_imports import import_optional

pytestmark = pytest.mark.any_backend


def test_returns_the_module():
    assert import_optional("json.decoder", "this test") is sys.modules["json.decoder"]


def test_missing_package_names_the_extra():
    with pytest.raises(ImportError, match=r"this test.*keras-sphere\[data\].*no_such"):
        import_optional("no_such_package.part", "this test")


def test_other_import_errors_stay_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match=r"No module.*no_such_dependency"):
        import_optional("broken_package", "this test")


def test_the_tools_import_without_the_extra():
    program = """
        import sys
        for package in ("sklearn", "matplotlib", "PIL", "grain", "tensorflow_datasets"):
            sys.modules[package] = None
        import keras_sphere.data, keras_sphere.metrics, keras_sphere.visualization
        next(keras_sphere.data.load("fake").starting_at())
        try:
            keras_sphere.data.load_digits()
        except ImportError as error:
            print(error)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=pathlib.Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'pip install "keras-sphere[data]"' in result.stdout, result.stderr
