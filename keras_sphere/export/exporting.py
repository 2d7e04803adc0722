"""The model as ONNX files."""

import dataclasses
import functools
import pathlib

import numpy as np

from keras_sphere import sampling
from keras_sphere.backend.onnx_graphs import check_exporter, onnx_graph
from keras_sphere.export import checking, graphs
from keras_sphere.export.loop_graph import default_sigma, sample, sample_graph
from keras_sphere.export.metadata import describe
from keras_sphere.export.parts import (
    PARTS,
    Network,
    check_float_weights,
    decoder_part,
    encoder_part,
    in_float32,
    sample_part,
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
    options = sampling_options(model, steps=steps, use_ema=use_ema, shared_noise=True)
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
    model, options = in_float32(model, options)
    made = [_part(name, model, options) for name in parts]
    files = []
    with folder_when_done(folder) as temporary:
        for part in made:
            file = _write(temporary, model, part, weights, opset, options, license)
            files.append(dataclasses.replace(file, path=folder / file.path.name))
            if tell:
                tell(files[-1])
    return files


def _part(name, model, options):
    if name == "sample":
        return sample_part(model, options)
    return {"decoder": decoder_part, "encoder": encoder_part}[name](model)


def _write(folder, model, part, weights, opset, options, license):
    path = folder / f"{part.name}.onnx"
    extra = {}
    if part.name == "sample":
        graph = sample_graph(model, options, opset)
        compute = functools.partial(sample, model, options)
        extra = {"num_steps": options.steps, "sigma": default_sigma(model, options)}
    else:
        network = Network(model, options.use_ema, part)
        graph = onnx_graph(network, network.weights, part.inputs, opset)
        compute = network.on_arrays
    graphs.tidy(graph, part.inputs, part.output, part.output_shape)
    store_weights(graph, weights)
    texts = describe(model, part.name, weights, options, license, **extra)
    onnx = graphs.onnx_module()
    onnx.helper.set_model_props(graph, texts)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
    agreement = checking.measure(path, part, compute, _rows(model, part, options))
    checking.check(agreement, part, weights)
    return ExportedFile(part.name, path, path.stat().st_size, agreement)


def _rows(model, part, options):
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
    rows["sigma"] = np.asarray(default_sigma(model, options), "float32")
    return {name: rows[name] for name in part.inputs}
