"""How the weights of a graph are stored: float32, float16 or uint8.

What is computed stays float32: a stored weight is cast, or scaled, where it is used.
"""

import numpy as np

from keras_sphere.export.graphs import onnx_module, remove_unused

WEIGHT_TYPES = ("float32", "float16", "uint8")
# Fewer numbers (norms, biases, position tables of tiny models) are not worth it.
LEAST_VALUES = 256
# Of the operations that weights are multiplied in: which input, and which axis of it
# holds the output channels.
_PRODUCTS = {
    "MatMul": (1, -1),
    "Gemm": (1, -1),
    "Conv": (1, 0),
    "ConvTranspose": (1, 1),
}


def store_weights(model, weights):
    """Stores the weights of products in another type.

    Args:
        model: `onnx.ModelProto` as `graphs.tidy` leaves it, which is changed.
        weights: String, of `WEIGHT_TYPES`.

    Raises:
        ValueError: If a weight is too large for float16.
    """
    if weights == "float32":
        return
    store = {"float16": _as_float16, "uint8": _as_uint8}[weights]
    graph, numpy_helper = model.graph, onnx_module("onnx.numpy_helper")
    axes = _channel_axes(graph)
    added_nodes, added_tensors = [], []
    for tensor in graph.initializer:
        if tensor.name not in axes:
            continue
        values = numpy_helper.to_array(tensor)
        nodes, tensors = store(tensor.name, values, axes[tensor.name] % values.ndim)
        added_nodes += nodes
        added_tensors += [numpy_helper.from_array(a, name) for name, a in tensors]
    stored = {name for node in added_nodes for name in node.output}
    for tensor in graph.initializer:
        if tensor.name in stored:
            tensor.name = ""
    remove_unused(graph)
    graph.initializer.extend(added_tensors)
    nodes = [*added_nodes, *graph.node]
    copies = [type(node)() for node in nodes]
    for copy, node in zip(copies, nodes, strict=True):
        copy.CopyFrom(node)
    graph.ClearField("node")
    graph.node.extend(copies)


def _channel_axes(graph):
    """Dict of the large weights of products -> the axis of their output channels."""
    large = {
        tensor.name
        for tensor in graph.initializer
        if tensor.data_type == onnx_module().TensorProto.FLOAT
        and len(tensor.dims) >= 2
        and np.prod(tensor.dims) >= LEAST_VALUES
    }
    axes, other = {}, set()
    for node in graph.node:
        place, axis = _PRODUCTS.get(node.op_type, (None, None))
        for number, name in enumerate(node.input):
            if name not in large:
                continue
            if number != place or axes.get(name, axis) != axis:
                other.add(name)
            axes[name] = axis
            if _is_transposed(node):
                axes[name] = 0
    return {name: axis for name, axis in axes.items() if name not in other}


def _is_transposed(node):
    return node.op_type == "Gemm" and any(
        attribute.name == "transB" and attribute.i for attribute in node.attribute
    )


def _as_float16(name, values, axis):
    if np.max(np.abs(values)) > np.finfo("float16").max:
        raise ValueError(
            "A weight is too large for float16: take another type. Received: "
            f'weights="float16" and a weight of {np.max(np.abs(values)):g}'
        )
    onnx = onnx_module()
    cast = onnx.helper.make_node(
        "Cast", [f"{name}_float16"], [name], name, to=onnx.TensorProto.FLOAT
    )
    return [cast], [(f"{name}_float16", values.astype("float16"))]


def _as_uint8(name, values, axis):
    """Linear in 255 steps from the least to the largest value of each channel."""
    others = tuple(a for a in range(values.ndim) if a != axis)
    # With 0 in the range, a weight of 0 stays 0.
    low = np.minimum(values.min(axis=others, keepdims=True), 0.0)
    high = np.maximum(values.max(axis=others, keepdims=True), 0.0)
    scale = np.where(high > low, (high - low) / 255.0, 1.0).astype("float32")
    zero = np.clip(np.round(-low / scale), 0, 255)
    stored = np.clip(np.round(values / scale) + zero, 0, 255).astype("uint8")
    tensors = [
        (f"{name}_uint8", stored),
        (f"{name}_scale", scale.ravel()),
        (f"{name}_zero", zero.astype("uint8").ravel()),
    ]
    names = [name for name, _ in tensors]
    node = onnx_module("onnx.helper").make_node(
        "DequantizeLinear", names, [name], name, axis=axis
    )
    return [node], tensors
