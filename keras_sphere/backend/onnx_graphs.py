"""Functions of tensors as ONNX graphs: one way per backend."""

import contextlib
import io
import logging
import warnings

import keras

from keras_sphere.optional_imports import check_installed, import_optional

BACKEND = keras.backend.backend()
# Of each backend: what makes the graph, the extra that brings it, and the newest
# version of the operators that it writes.
EXPORTERS = {
    "jax": ("jax2onnx", "onnx-jax", 23),
    "tensorflow": ("tf2onnx", "onnx-tensorflow", 18),
    "torch": ("onnxscript", "onnx", 23),
}

if BACKEND == "jax":
    import jax
    import jax.numpy as jnp
elif BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "torch":
    import torch


def check_exporter(opset):
    """Raises an error unless this backend can write such graphs, before any work.

    Args:
        opset: Integer. Version of ONNX' operators.

    Raises:
        ValueError: If it cannot write this version.
        ImportError: If a package is not installed.
    """
    module, extra, newest = EXPORTERS[BACKEND]
    if opset > newest:
        able = [name for name, entry in EXPORTERS.items() if opset <= entry[2]]
        others = f" KERAS_BACKEND={able[-1]} can write it." if able else ""
        raise ValueError(
            f"`opset` must be at most {newest} on {BACKEND}.{others} "
            f"Received: opset={opset}"
        )
    check_installed(module, f"ONNX export on {BACKEND}", extra)


def onnx_graph(function, weights, inputs, opset):
    """A function of tensors as an ONNX model, with a dynamic batch.

    Args:
        function: Callable of a list of weights and a dict of tensors that returns a
            tuple of tensors. What it does must not depend on the batch.
        weights: List of tensors, which become constants of the graph.
        inputs: Dict of the name of an input -> its shape, of float32; `None` is the
            batch.
        opset: Integer. Version of ONNX' operators.

    Returns:
        `onnx.ModelProto`. Its inputs have the names of `inputs`, but those that
        nothing depends on can be missing.
    """
    write = {"jax": _of_jax, "tensorflow": _of_tensorflow, "torch": _of_torch}
    with _quiet():
        return write[BACKEND](function, weights, inputs, opset)


@contextlib.contextmanager
def _quiet():
    """Exporters tell at length what is of use to their authors."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _of_torch(function, weights, inputs, opset):
    class Graph(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for number, weight in enumerate(weights):
                self.register_buffer(f"weight_{number}", weight.detach())

        def forward(self, *tensors):
            kept = [getattr(self, f"weight_{n}") for n in range(len(weights))]
            return function(kept, dict(zip(inputs, tensors, strict=True)))

    batch = torch.export.Dim("batch")
    examples = tuple(
        keras.ops.zeros([3 if size is None else size for size in shape])
        for shape in inputs.values()
    )
    dynamic = [
        {axis: batch for axis, size in enumerate(shape) if size is None} or None
        for shape in inputs.values()
    ]
    with torch.no_grad():
        program = torch.onnx.export(
            Graph().eval(),
            examples,
            input_names=list(inputs),
            dynamic_shapes=(tuple(dynamic),),
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
    return program.model_proto


def _of_jax(function, weights, inputs, opset):
    jax2onnx = import_optional("jax2onnx", "ONNX export on JAX", "onnx-jax")

    def graph(*tensors):
        return function(weights, dict(zip(inputs, tensors, strict=True)))

    specs = [
        jax.ShapeDtypeStruct(
            tuple("batch" if size is None else size for size in shape), jnp.float32
        )
        for shape in inputs.values()
    ]
    return jax2onnx.to_onnx(
        graph,
        inputs=specs,
        input_names=list(inputs),
        opset=opset,
        return_mode="proto",
    )


def _of_tensorflow(function, weights, inputs, opset):
    tf2onnx = import_optional(
        "tf2onnx.convert", "ONNX export on TensorFlow", "onnx-tensorflow"
    )

    def graph(*tensors):
        return function(weights, dict(zip(inputs, tensors, strict=True)))

    specs = [
        tf.TensorSpec(shape, tf.float32, name=name) for name, shape in inputs.items()
    ]
    model, _ = tf2onnx.from_function(
        tf.function(graph, input_signature=specs, autograph=False),
        input_signature=specs,
        opset=opset,
    )
    return model
