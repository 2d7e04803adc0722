"""Optional packages: not needed to import, and named when they are missing."""

import ast
import pathlib
import re
import subprocess
import sys
import textwrap
import tomllib

import pytest

from keras_sphere import optional_imports
from keras_sphere.optional_imports import check_installed, import_optional

ROOT = pathlib.Path(__file__).parents[1]

pytestmark = pytest.mark.any_backend


def test_returns_the_module():
    assert import_optional("json.decoder", "this test") is sys.modules["json.decoder"]


def test_missing_package_names_the_extra():
    with pytest.raises(ImportError, match=r"this test.*keras-sphere\[data\].*no_such"):
        import_optional("no_such_package.part", "this test")


def test_packages_are_named_as_pip_knows_them(monkeypatch):
    for module, name in (
        ("PIL.Image", "pillow"),
        ("skimage.metrics", "scikit-image"),
        ("sklearn.datasets", "scikit-learn"),
        ("tensorflow_datasets", "tensorflow-datasets"),
        ("huggingface_hub", "huggingface-hub"),
        ("scipy.spatial", "scipy"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.setitem(sys.modules, module.split(".")[0], None)
        for check in (import_optional, check_installed):
            with pytest.raises(ImportError, match=f"needs the package {name}, which"):
                check(module, "this test")


def test_a_check_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / "slow_package.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(tmp_path)
    check_installed("slow_package.part", "this test")
    assert "slow_package" not in sys.modules
    with pytest.raises(ImportError, match=r"this test.*keras-sphere\[train\]"):
        check_installed("no_such_package", "this test", "train")


def test_every_optional_package_is_in_the_extra_that_is_named():
    """What the message tells to install brings what is missing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    checked = 0
    for path in (ROOT / "keras_sphere").rglob("*.py"):
        for module, extra in named_packages(path.read_text()):
            package = module.split(".")[0]
            name = optional_imports._PIP_NAMES.get(package, package)
            brought = {re.split(r"[<>=]", text)[0] for text in extras[extra]}
            brought |= {"array-record"} if "grain" in brought else set()  # needs it
            assert name in {text.replace("_", "-") for text in brought}, path
            checked += 1
    assert checked > 10


def named_packages(source):
    """Pairs of a module and an extra in tuples and calls such as `import_optional`."""
    for node in ast.walk(ast.parse(source)):
        values = node.elts if isinstance(node, ast.Tuple) else ()
        if isinstance(node, ast.Call):
            function = getattr(node.func, "id", "")
            known = ("import_optional", "check_installed")
            values = node.args if function in known else ()
            extras = [k.value for k in node.keywords if k.arg == "extra"]
            values = [*values, *extras]
        texts = [getattr(value, "value", None) for value in values]
        if len(texts) > 1 and isinstance(texts[0], str) and is_optional(texts[0]):
            yield texts[0], texts[2] if len(texts) > 2 else "data"


def is_optional(module):
    package = module.split(".")[0]
    return package in {*optional_imports._PIP_NAMES, "scipy", "matplotlib"}


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
