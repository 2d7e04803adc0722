"""Weights of fewer bits: what is stored, and how near it is."""

import numpy as np
import pytest

from keras_sphere.export.weight_types import store_weights

pytestmark = pytest.mark.any_backend

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
new_session = pytest.importorskip("keras_sphere.export.graphs").new_session

RNG = np.random.default_rng(0)
WEIGHTS = {
    "matrix": RNG.standard_normal((32, 48)) * np.geomspace(1e-3, 10, 48),
    "turned": RNG.standard_normal((24, 48)) * np.geomspace(1e-2, 1, 24)[:, None],
    "bias": RNG.standard_normal(24),
    "table": RNG.standard_normal((16, 24)),
}
ROWS = RNG.standard_normal((16, 32)).astype("float32")


def new_model(**changed):
    """Two products, one by a transposed matrix, and a table that is added."""
    make = onnx.helper.make_node
    nodes = [
        make("MatMul", ["x", "matrix"], ["a"]),
        make("Gemm", ["a", "turned", "bias"], ["b"], transB=1),
        make("Add", ["b", "table"], ["y"]),
    ]
    tensors = [
        onnx.numpy_helper.from_array(values.astype("float32"), name)
        for name, values in {**WEIGHTS, **changed}.items()
    ]
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", [16, 32]), ("y", [16, 24]))
    ]
    graph = onnx.helper.make_graph(nodes, "test", ends[:1], ends[1:], tensors)
    opsets = [onnx.helper.make_opsetid("", 18)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)


def run(model):
    onnx.checker.check_model(model)
    return new_session(model.SerializeToString()).run(None, {"x": ROWS})[0]


def stored(model):
    """The weights of a graph by name."""
    to_array = onnx.numpy_helper.to_array
    return {tensor.name: to_array(tensor) for tensor in model.graph.initializer}


def test_float32_stays():
    model = new_model()
    before = model.SerializeToString()
    store_weights(model, "float32")
    assert model.SerializeToString() == before


def test_float16():
    model, expected = new_model(), run(new_model())
    store_weights(model, "float16")
    kept = {name: values.dtype.name for name, values in stored(model).items()}
    assert kept == {
        "matrix_float16": "float16",
        "turned_float16": "float16",
        "bias": "float32",
        "table": "float32",
    }
    error = np.abs(run(model) - expected).max() / np.abs(expected).max()
    assert 0 < error < 1e-3


def test_too_large_for_float16():
    model = new_model(matrix=np.full((32, 48), 7e4))
    with pytest.raises(ValueError, match=r"too large for float16.*70000"):
        store_weights(model, "float16")


def test_uint8_has_a_scale_per_output_channel():
    model = new_model()
    store_weights(model, "uint8")
    kept = stored(model)
    assert kept["matrix_uint8"].dtype == kept["turned_uint8"].dtype == np.uint8
    assert kept["matrix_scale"].shape == kept["matrix_zero"].shape == (48,)
    assert kept["turned_scale"].shape == kept["turned_zero"].shape == (24,)
    for name, axis in (("matrix", 1), ("turned", 0)):
        shape = [1, 1]
        shape[axis] = -1
        scale = kept[f"{name}_scale"].reshape(shape)
        zero = kept[f"{name}_zero"].reshape(shape).astype("float32")
        read = (kept[f"{name}_uint8"] - zero) * scale
        assert np.all(np.abs(read - WEIGHTS[name]) <= 0.51 * scale)


def test_uint8_is_near():
    expected, model = run(new_model()), new_model()
    store_weights(model, "uint8")
    error = np.sqrt(np.mean(np.square(run(model) - expected)) / np.var(expected))
    assert 0 < error < 0.02


def test_uint8_of_a_channel_of_zeros():
    matrix = WEIGHTS["matrix"].copy()
    matrix[:, 3] = 0.0
    model = new_model(matrix=matrix, turned=np.eye(24, 48), bias=np.zeros(24))
    store_weights(model, "uint8")
    table = WEIGHTS["table"].astype("float32")
    np.testing.assert_allclose(run(model)[:, 3], table[:, 3], atol=1e-6)
