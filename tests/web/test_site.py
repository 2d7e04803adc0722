"""The folder of a page, and the files of its runtime."""

import json
import pathlib

import pytest

from keras_sphere.web import find_runtime, linked_runtime, write_site
from keras_sphere.web.runtime import LINKED_FILES

pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(__file__).parents[2]
FACTS = {"name": "mine", "description": None, "license": "CC0-1.0", "version": "1"}


def new_package(folder):
    """A folder as npm makes it, with short files."""
    dist = folder / "node_modules" / "onnxruntime-web" / "dist"
    dist.mkdir(parents=True)
    for name in LINKED_FILES:
        (dist / name).write_text(f"/*!\n * ONNX Runtime Web v9.8.7-dev\n */ {name}")
    return dist


def new_site(folder, runtime, parts=("decoder", "encoder")):
    """What `write_site` makes around files that stand for networks."""
    (folder / "onnx").mkdir(parents=True)
    for part in parts:
        (folder / "onnx" / f"{part}.onnx").write_bytes(b"x" * len(part))
    write_site(folder, FACTS, runtime)
    return json.loads((folder / "model.json").read_text())


@pytest.mark.parametrize("place", ["", "node_modules/onnxruntime-web", "dist"])
def test_copied_runtime(tmp_path, place):
    dist = new_package(tmp_path)
    folder = dist if place == "dist" else tmp_path / place
    content = new_site(tmp_path / "site", find_runtime(folder))
    assert content["runtime"]["version"] == "9.8.7-dev"
    for way in ("wasm", "webgpu"):
        for file in content["runtime"][way].values():
            written = tmp_path / "site" / file["url"]
            assert written.stat().st_size == file["bytes"]
            assert written.read_text().endswith(written.name)
    assert "copied" in (tmp_path / "site" / "LICENSES.txt").read_text()


def test_linked_runtime(tmp_path):
    content = new_site(tmp_path / "site", linked_runtime())
    for way in ("wasm", "webgpu"):
        for file in content["runtime"][way].values():
            assert file["url"].startswith("https://cdn.jsdelivr.net/npm/onnxruntime-")
            assert "@1.30.0/" in file["url"]
            assert file["integrity"].startswith("sha384-")
    assert not (tmp_path / "site" / "runtime").exists()
    assert "linked" in (tmp_path / "site" / "LICENSES.txt").read_text()


def test_what_a_site_says(tmp_path):
    content = new_site(tmp_path / "site", linked_runtime(), parts=("decoder",))
    assert content["files"] == {"decoder": {"url": "onnx/decoder.onnx", "bytes": 7}}
    assert content["name"] == "mine"
    licenses = (tmp_path / "site" / "LICENSES.txt").read_text()
    assert "CC0-1.0" in licenses
    assert "Microsoft" in licenses


def test_the_page_brings_its_license():
    page = ROOT / "keras_sphere" / "web" / "page" / "LICENSE.txt"
    assert page.read_text() == (ROOT / "LICENSE").read_text()


def test_wrong_runtimes(tmp_path):
    with pytest.raises(ValueError, match=r"with no ort\.wasm"):
        find_runtime(tmp_path)
    dist = new_package(tmp_path)
    (dist / "ort.wasm.bundle.min.mjs").write_text("something else")
    with pytest.raises(ValueError, match="names no version"):
        find_runtime(tmp_path)
    (dist / "ort-wasm-simd-threaded.wasm").unlink()
    with pytest.raises(ValueError, match=r"with no ort-wasm-simd-threaded\.w"):
        find_runtime(tmp_path)
