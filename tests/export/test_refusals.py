"""What cannot be exported is said before any work."""

import sys

import keras
import pytest

import keras_sphere
from keras_sphere.backend.onnx_graphs import EXPORTERS
from keras_sphere.export import parts
from tests import tiny_models

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def model():
    return tiny_models.new_model()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parts": ["decoder", "head"]}, r"`parts` must be one of.*'head'"),
        ({"parts": []}, r"`parts` must be some of"),
        ({"weights": "int4"}, r"`weights` must be one of.*'int4'"),
        ({"opset": 17}, r"`opset` must be at least 18.*17"),
        ({"opset": 99}, r"`opset` must be at most .*99"),
        ({"steps": 0}, r"`steps` must be"),
    ],
)
def test_arguments(model, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_sphere.export_onnx(model, tmp_path / "files", **arguments)
    assert not (tmp_path / "files").exists()


def test_a_folder_that_exists(model, tmp_path):
    with pytest.raises(FileExistsError, match=r"must not exist yet.*Received"):
        keras_sphere.export_onnx(model, tmp_path)


def test_a_newer_opset_names_who_can(model, tmp_path):
    newest = max(entry[2] for entry in EXPORTERS.values())
    if EXPORTERS[keras.backend.backend()][2] == newest:
        pytest.skip("this backend writes the newest")
    with pytest.raises(ValueError, match=r"KERAS_BACKEND=\w+ can write it"):
        keras_sphere.export_onnx(model, tmp_path / "files", opset=newest)


def test_the_extra_is_named(model, tmp_path, monkeypatch):
    module, extra, _ = EXPORTERS[keras.backend.backend()]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"keras-sphere\[{extra}\]"):
        keras_sphere.export_onnx(model, tmp_path / "files", ["decoder"])


@pytest.mark.parametrize("part", ["encoder", "sample"])
def test_a_model_without_encoder(part, tmp_path):
    alone = tiny_models.new_rotating_model(backbone={"has_encoder": False})
    with pytest.raises(ValueError, match=r"has its decoder only.*Received"):
        keras_sphere.export_onnx(alone, tmp_path / "files", [part])


def test_a_model_too_large_for_a_file(model, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "LARGEST_GRAPH", 10_000)
    with pytest.raises(ValueError, match=r'holds up to .*part "encoder" of'):
        keras_sphere.export_onnx(model, tmp_path / "files", ["encoder"])


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")
def test_a_quantized_model(tmp_path):
    quantized = tiny_models.new_model()
    quantized.backbone.quantize("int8")
    with pytest.raises(ValueError, match=r'the one before.*weights="uint8"'):
        keras_sphere.export_onnx(quantized, tmp_path / "files", ["decoder"])
