"""Which backend the package picks, by itself and in real processes."""

import json
import os
import pathlib
import subprocess
import sys
import textwrap

import keras
import pytest

from keras_sphere.backend.selection import (
    choose_backend,
    keras_config_path,
    starts_as_command,
)

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path):
    """Writes a Keras configuration with a backend, and returns its path."""

    def write(text):
        path = tmp_path / "keras.json"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("arguments", "original", "is_command"),
    [
        (["-m", "presets"], ["python", "-m", "keras_sphere", "presets"], True),
        (["-m", "presets"], ["python", "-mkeras_sphere", "presets"], True),
        (["-m"], ["python", "-m", "pytest"], False),
        (
            ["/usr/bin/keras-sphere", "presets"],
            ["python", "/usr/bin/keras-sphere"],
            True,
        ),
        (["keras-sphere.exe"], ["python", "keras-sphere.exe"], True),
        (["train.py", "keras-sphere"], ["python", "train.py", "keras-sphere"], False),
        ([""], ["python"], False),
        ([], [], False),
    ],
)
def test_starts_as_command(arguments, original, is_command):
    assert starts_as_command(arguments, original) == is_command


def test_keras_backend_is_a_choice(config):
    path = config('{"backend": "tensorflow"}')
    assert choose_backend({"KERAS_BACKEND": "torch"}, path, ["jax", "torch"]) is None
    assert choose_backend({"KERAS_BACKEND": "another"}, path, ["jax"]) is None


def test_a_configured_backend_is_a_choice(config):
    path = config('{"backend": "torch"}')
    assert choose_backend({}, path, ["jax", "torch"]) is None
    assert choose_backend({"KERAS_BACKEND": ""}, path, ["jax", "torch"]) is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, r"keras\.json chooses the backend torch, .*`pip install torch`"),
        ({"KERAS_BACKEND": "tensorflow"}, r"KERAS_BACKEND chooses the backend tensorf"),
    ],
)
def test_a_choice_that_is_not_installed(config, environment, message):
    path = config('{"backend": "torch"}')
    with pytest.raises(ImportError, match=message + r".*installed=\['jax'\]"):
        choose_backend(environment, path, ["jax"])


@pytest.mark.parametrize(
    "text", ['{"backend": "tensorflow"}', "{}", "not JSON", "[]"], ids=str
)
def test_tensorflow_in_the_file_is_no_choice_without_tensorflow(config, text):
    assert choose_backend({}, config(text), ["jax", "torch"]) == "jax"
    assert choose_backend({}, config(text), ["torch"]) == "torch"
    assert choose_backend({}, config(text), ["tensorflow", "jax"]) is None


def test_no_file_is_no_choice(tmp_path):
    path = str(tmp_path / "missing.json")
    assert choose_backend({}, path, ["torch"]) == "torch"


def test_no_backend_installed(tmp_path):
    path = str(tmp_path / "missing.json")
    with pytest.raises(ImportError, match=r"pip install jax`.*installed=\[\]"):
        choose_backend({}, path, [])


def test_the_file_is_where_keras_looks():
    assert keras_config_path({"KERAS_HOME": "/a"}) == os.path.join("/a", "keras.json")
    home = os.path.expanduser(os.path.join("~", ".keras", "keras.json"))
    assert keras_config_path({}) in (home, os.path.join("/tmp", ".keras", "keras.json"))


def run(program, folder, blocked=(), configured="tensorflow", **environment):
    """Runs a program in a process that cannot find the blocked packages."""
    lines = ["import sys", *(f"sys.modules[{name!r}] = None" for name in blocked)]
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    (folder / "keras.json").write_text(json.dumps({"backend": configured}))
    inherited = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={
            **inherited,
            "KERAS_HOME": str(folder),
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            **environment,
        },
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout.strip()


SHOW_BACKEND = """
    import logging
    logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s")
    logging.getLogger().handlers[0].setStream(__import__("sys").stdout)
    for name in ("jax", "torch", "h5py"):
        logging.getLogger(name).setLevel(logging.WARNING)
    import keras_sphere, keras
    print("backend:", keras.backend.backend())
"""


def test_picks_an_installed_backend_and_logs_it(tmp_path):
    pytest.importorskip("jax")
    output = run(SHOW_BACKEND, tmp_path, blocked=["tensorflow"])
    assert "backend: jax" in output
    assert "keras_sphere The backend is jax, the first installed" in output


def test_leaves_the_configured_backend_alone(tmp_path):
    pytest.importorskip("torch")
    output = run(SHOW_BACKEND, tmp_path, blocked=["tensorflow"], configured="torch")
    assert "backend: torch" in output


WORK_WITHOUT_TENSORFLOW = """
    import sys
    import keras_sphere
    assert "tensorflow" not in sys.modules
    from tests import tiny_models
    model = tiny_models.new_model()
    model.compile()
    if {train}:
        model.fit(tiny_models.new_images(2), tiny_models.new_labels(2), verbose=0)
    model.evaluate(tiny_models.new_images(2), tiny_models.new_labels(2), verbose=0)
    model.generate(1, steps=1)
    print("tensorflow" in sys.modules)
"""


def test_nothing_imports_tensorflow_on_another_backend(tmp_path):
    """Saving is left out: Keras imports TensorFlow there, if it is installed."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        pytest.skip("the backend is TensorFlow")
    program = WORK_WITHOUT_TENSORFLOW.replace("{train}", str(backend == "torch"))
    environment = {"KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    assert run(program, tmp_path, **environment) == "False"
