"""The model as ONNX files."""

import dataclasses
import pathlib

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.backend.onnx_graphs import check_exporter, onnx_graph
from keras_sphere.backend.operations import no_gradients
from keras_sphere.export import checking, graphs
from keras_sphere.export.metadata import describe
from keras_sphere.export.parts import (
    PARTS,
    FixedWeights,
    check_float_weights,
    decoder_part,
    encoder_part,
)
from keras_sphere.export.weight_types import WEIGHT_TYPES, store_weights
from keras_sphere.files.atomic_file import folder_when_done
from keras_sphere.models.sampling_run import sampling_options
from keras_sphere.optional_imports import check_installed
from keras_sphere.validation import check_choice, read_integer


@dataclasses.dataclass(frozen=True)
class ExportedFile:
    """A file that was written, and how near it is to the model."""

    part: str
    path: pathlib.Path
    num_bytes: int
    agreement: checking.Agreement


def export_onnx(
    model,
    folder,
    parts=PARTS,
    weights="float32",
    opset=18,
    steps=None,
    use_ema=None,
    license=None,
    tell=None,
):
    folder, parts = pathlib.Path(folder), tuple(parts)
    options = sampling_options(model, steps=steps, use_ema=use_ema)
    for part in parts:
        check_choice("parts", part, PARTS)
    check_choice("weights", weights, WEIGHT_TYPES)
    check_exporter(read_integer("opset", opset))
    for module in ("onnx", "onnxruntime"):
        check_installed(module, "ONNX export", graphs.EXTRA)
    if folder.exists():
        raise FileExistsError(
            f"The folder must not exist yet. Received: folder={str(folder)!r}"
        )
    check_float_weights(model.backbone)
    makers = {"decoder": decoder_part, "encoder": encoder_part}
    made = [makers[name](model) for name in parts]
    files = []
    with folder_when_done(folder) as temporary:
        for part in made:
            path = temporary / f"{part.name}.onnx"
            texts = describe(model, part.name, weights, options, license)
            agreement = _write(path, model, part, weights, opset, options, texts)
            file = ExportedFile(
                part.name, folder / path.name, path.stat().st_size, agreement
            )
            files.append(file)
            if tell:
                tell(file)
    return files


def _write(path, model, part, weights, opset, options, texts):
    network = FixedWeights(model, options.use_ema, part)
    graph = onnx_graph(network, network.weights, part.inputs, opset)
    graphs.tidy(graph, part.inputs, part.outputs)
    store_weights(graph, weights)
    onnx = graphs.onnx_module()
    onnx.helper.set_model_props(graph, texts)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)

    def compute(inputs):
        tensors = {n: keras.ops.convert_to_tensor(a) for n, a in inputs.items()}
        with no_gradients():
            outputs = network(network.weights, tensors)
        return [keras.ops.convert_to_numpy(output) for output in outputs]

    agreement = checking.measure(path, part, compute, _rows(model, part))
    checking.check(agreement, part, weights)
    return agreement


def _rows(model, part):
    """Inputs as the model meets them: its own images, noise, classes, angles."""
    backbone, count = model.backbone, max(checking.BATCH_SIZES)
    noise = sampling.host_noise(0, range(count), 0, backbone.latent_shape)
    rows = {"latents": noise, "noise": noise}
    if "images" in part.inputs:
        rows["images"] = model.decode(noise)
    classes = np.arange(count) % (backbone.num_classes + 1)
    rows["labels"] = np.eye(backbone.num_classes + 1, dtype="float32")[classes]
    largest = np.radians(model.noise_schedule.max_angle_degrees)
    rows["angles"] = np.linspace(0.0, largest, count, dtype="float32")
    return {name: rows[name] for name in part.inputs}
