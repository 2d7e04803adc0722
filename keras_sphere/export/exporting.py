"""The model as ONNX files."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_sphere import sampling
from keras_sphere.backend.onnx_graphs import check_exporter, onnx_graph
from keras_sphere.export import checking, graphs
from keras_sphere.export.checks import PARTS, SUFFIX, check_encoder, read_request
from keras_sphere.export.loop_graph import default_sigma, sample, sample_graph
from keras_sphere.export.metadata import describe
from keras_sphere.export.parts import (
    Network,
    check_float_weights,
    check_sizes,
    decoder_part,
    encoder_part,
    in_float32,
    sample_part,
    separated,
)
from keras_sphere.export.weight_types import store_weights
from keras_sphere.files.atomic_file import folder_when_done
from keras_sphere.models.sampling_run import sampling_options
from keras_sphere.typing import PathLike

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel


@dataclasses.dataclass(frozen=True)
class ExportedFile:
    """A file that was written, and how near it is to the model.

    Args:
        part: String.
        path: Path.
        num_bytes: Integer.
        agreement: `checking.Agreement`.
    """

    part: str
    path: pathlib.Path
    num_bytes: int
    agreement: checking.Agreement


def export_onnx(
    model: SphereEncoderModel,
    folder: PathLike,
    parts: Sequence[str] = PARTS,
    weights: str = "float32",
    opset: int = 18,
    steps: int | None = None,
    use_ema: bool | None = None,
    license: str | None = None,
    tell: Callable[[ExportedFile], object] | None = None,
) -> list[ExportedFile]:
    """Writes parts of a model as ONNX files, and checks them by onnxruntime.

    Every graph takes batches of any size, float32 inputs and outputs, and draws nothing
    at random:

    - `decoder.onnx`: `latents`, which it puts onto the sphere, to `images` in [-1, 1];
    - `encoder.onnx`: `images` in [-1, 1] to `latents` on the sphere;
    - `sample.onnx`: `noise`, which all steps share, to `images`, by the model's own
      guidance; with more than one step, `sigma` is the strength of the noise between
      them (an angle in radians where noise is a rotation).

    All take `labels`, class weights of shape `(batch, num_classes + 1)` with the null
    class last, if the model has classes, and `embeddings` of shape `(batch,
    condition_dim + 1)` if it is conditional on vectors: a vector, then 0, or zeros and
    a 1 for the null vector (an encoder, if it is told); a decoder that is
    told angles takes `angles` of shape `(batch,)`, in radians.

    Args:
        model: `SphereEncoderModel`. What it computes is exported in float32.
        folder: String or path of a folder that does not exist yet.
        parts: Sequence of `"decoder"`, `"encoder"`, `"sample"`.
        weights: `"float32"`, `"float16"` or `"uint8"`: how the weights of products are
            stored. What is computed is float32 with each.
        opset: Integer, at least 18. Version of ONNX' operators.
        steps: Integer, the steps of `"sample"`; `None` for the model's default.
        use_ema: Boolean or `None` for the model's default.
        license: String or `None`. Of the weights; the files say it.
        tell: Callable of an `ExportedFile`, as soon as it was written, or `None`.

    Returns:
        List of `ExportedFile`.

    Raises:
        ValueError: If an argument is out of range, or the backend cannot do it.
        FileExistsError: If the folder exists.
        ImportError: If a package is not installed.
        ExportError: If a file computes something else than the model. Then, as after
            every error, there is no folder.

    Example:

    >>> model = keras_sphere.presets.load("digits16")
    >>> keras_sphere.export_onnx(model, "digits", ["decoder"], weights="uint8")
    """
    folder, parts, opset = read_request(folder, parts, weights, opset)
    check_exporter(opset)
    options = sampling_options(model, steps=steps, use_ema=use_ema, shared_noise=True)
    check_encoder(parts, options.steps, model.backbone.encoder is not None)
    check_float_weights(model.backbone)
    check_sizes(model.backbone, parts)
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
    path = folder / f"{part.name}{SUFFIX}"
    extra = {}
    if part.name == "sample":
        graph = sample_graph(model, options, opset)
        compute = functools.partial(sample, model, options)
        extra = {"num_steps": options.steps, "sigma": default_sigma(model, options)}
    else:
        network = Network(model, options.use_ema, part)
        graph = onnx_graph(network, network.weights, part.inputs, opset)
        compute = network.on_arrays
    graphs.tidy(graph, part.inputs, part.outputs)
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
    rows.update(separated(backbone, _conditions(backbone.condition_rows, count)))
    largest = np.radians(model.noise_schedule.max_angle_degrees)
    rows["angles"] = np.linspace(0.0, largest, count, dtype="float32")
    rows["sigma"] = np.asarray(default_sigma(model, options), "float32")
    return {name: rows[name] for name in part.inputs}


def _conditions(columns, count):
    """Rows of different classes, the null class too, and vectors; the last is null."""
    rows = np.tile(columns.null(), (count, 1))
    classes = columns.num_class_columns
    if classes:
        rows[:, :classes] = np.eye(classes, dtype="float32")[np.arange(count) % classes]
    if columns.condition_dim:
        generator = np.random.default_rng(0)
        shape = (count - 1, columns.condition_dim)
        rows[:-1, classes:-1] = generator.standard_normal(shape)
        rows[:-1, -1] = 0.0
    return rows
