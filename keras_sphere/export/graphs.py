"""Graphs of every exporter brought into one form, with `onnx` alone."""

import hashlib

import numpy as np

from keras_sphere.optional_imports import import_optional

EXTRA = "onnx"
IR_VERSION = 10  # of the file format; browsers' runtimes are slow to read newer ones
BATCH = "batch"


def onnx_module(name="onnx"):
    """`onnx`, or a module of it."""
    return import_optional(name, "ONNX export", EXTRA)


def tidy(model, inputs, outputs):
    """A model with named inputs and outputs, and each constant in it once.

    What depends on constants alone is computed; weights are left as products take
    them.

    Args:
        model: `onnx.ModelProto`, which is changed.
        inputs: Dict of name -> shape; `None` is the batch.
        outputs: Likewise.
    """
    graph = model.graph
    _constants_to_initializers(graph)
    _fold_constants(model)
    _share_equal_constants(graph)
    made = [value.name for value in graph.output]
    _rename(graph, dict(zip(made, outputs, strict=True)))
    helper, proto = onnx_module("onnx.helper"), onnx_module().TensorProto
    described = [
        helper.make_tensor_value_info(name, proto.FLOAT, _dims(shape))
        for name, shape in (*inputs.items(), *outputs.items())
    ]
    count = len(inputs)
    for field, values in (("input", described[:count]), ("output", described[count:])):
        graph.ClearField(field)
        getattr(graph, field).extend(values)
    graph.ClearField("value_info")
    _number_names(graph)
    remove_unused(graph)
    model.ir_version = min(model.ir_version, IR_VERSION)
    model.producer_name = "keras_sphere"
    model.ClearField("metadata_props")


def new_model(nodes, output, tensors, opset):
    """A model of nodes, whose inputs are not described yet.

    Args:
        nodes: List of `onnx.NodeProto`.
        output: String. Name of its output.
        tensors: List of `onnx.TensorProto`, its constants.
        opset: Integer.
    """
    helper = onnx_module("onnx.helper")
    outputs = [onnx_module().ValueInfoProto(name=output)]
    return helper.make_model(
        helper.make_graph(nodes, "keras_sphere", [], outputs, tensors),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
    )


def _dims(shape):
    return [BATCH if size is None else size for size in shape]


def _constants_to_initializers(graph):
    numpy_helper = onnx_module("onnx.numpy_helper")
    kept = []
    for node in graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            array = numpy_helper.to_array(value)
            graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        else:
            kept.append(node)
    _set_nodes(graph, kept)


def _fold_constants(model):
    """Computes the nodes that depend on no input, by onnxruntime, once."""
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer}
    constant, kept = [], []
    for node in graph.node:
        is_constant = set(node.input) <= known | {""} and not any(
            attribute.HasField("g") for attribute in node.attribute
        )
        (constant if is_constant else kept).append(node)
        if is_constant:
            known.update(node.output)
    used = {name for node in kept for name in node.input}
    used |= {value.name for value in graph.output}
    wanted = [n for node in constant for n in node.output if n in used]
    if wanted:
        arrays = _run_nodes(model, constant, wanted)
        to_tensor = onnx_module("onnx.numpy_helper").from_array
        graph.initializer.extend(
            to_tensor(np.asarray(array), name)
            for name, array in zip(wanted, arrays, strict=True)
        )
    _set_nodes(graph, kept)
    remove_unused(graph)


def _run_nodes(model, nodes, wanted):
    helper = onnx_module("onnx.helper")
    needed = {name for node in nodes for name in node.input}
    tensors = [t for t in model.graph.initializer if t.name in needed]
    outputs = [onnx_module().ValueInfoProto(name=name) for name in wanted]
    graph = helper.make_graph(nodes, "constants", [], outputs, tensors)
    part = helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=IR_VERSION
    )
    part.functions.extend(model.functions)
    return new_session(part.SerializeToString()).run(None, {})


def new_session(model):
    """An onnxruntime session on the CPU that says nothing.

    Args:
        model: Bytes of a model, or the path of a file.
    """
    runtime = import_optional("onnxruntime", "Running an exported model", EXTRA)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _share_equal_constants(graph):
    first, replaced = {}, {}
    for tensor in graph.initializer:
        values = onnx_module("onnx.numpy_helper").to_array(tensor)
        digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()
        key = (tensor.data_type, tuple(tensor.dims), digest)
        replaced[tensor.name] = first.setdefault(key, tensor.name)
    _rename(graph, {old: new for old, new in replaced.items() if old != new})
    remove_unused(graph)


def remove_unused(graph):
    """Removes initializers that no node reads."""
    used = {name for node in graph.node for name in node.input}
    kept = {t.name: t for t in graph.initializer if t.name in used}
    kept = [onnx_copy(tensor) for tensor in kept.values()]
    graph.ClearField("initializer")
    graph.initializer.extend(kept)


def onnx_copy(message):
    """A copy that outlives the list that the message stands in."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _set_nodes(graph, nodes):
    nodes = [onnx_copy(node) for node in nodes]
    graph.ClearField("node")
    graph.node.extend(nodes)


def _rename(graph, names):
    for node in graph.node:
        for field in (node.input, node.output):
            field[:] = [names.get(name, name) for name in field]


def _number_names(graph):
    """Short names of all that is neither input nor output: exporters' are long."""
    kept = {value.name for value in (*graph.input, *graph.output)}
    names = {"": ""}
    for tensor in graph.initializer:
        names[tensor.name] = tensor.name = f"constant_{len(names)}"
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
        for name in node.output:
            if name not in kept:
                names.setdefault(name, f"value_{len(names)}")
    _rename(graph, names)
