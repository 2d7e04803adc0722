"""The model as ONNX files."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.backend.onnx_graphs import check_exporter, onnx_graph
from keras_sphere.export import checking, graphs
from keras_sphere.export.checks import (
    PARTS,
    REFINER,
    SUFFIX,
    check_encoder,
    read_request,
)
from keras_sphere.export.loop_graph import default_sigma, sample, sample_graph
from keras_sphere.export.metadata import describe
from keras_sphere.export.parts import (
    Network,
    Part,
    check_float_weights,
    check_sizes,
    decoder_part,
    encoder_part,
    in_float32,
    refiner_in_float32,
    refiner_part,
    sample_part,
    separated,
)
from keras_sphere.export.weight_types import store_weights
from keras_sphere.files.atomic_file import folder_when_done
from keras_sphere.models.inference import current_weights
from keras_sphere.models.refiner_checks import check_teacher, find_refiner
from keras_sphere.models.sampling_run import sampling_options
from keras_sphere.models.teacher_fingerprint import teacher_fingerprint
from keras_sphere.typing import PathLike

if TYPE_CHECKING:
    from keras_sphere.models.latent_refiner import LatentRefiner
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
    refiner: LatentRefiner | bool | None = None,
) -> list[ExportedFile]:
    """Writes parts of a model as ONNX files, and checks them by onnxruntime.

    Every graph takes batches of any size, float32 inputs and outputs, and draws nothing
    at random:

    - `decoder.onnx`: `latents`, which it puts onto the sphere unless noise is a
      rotation, to `images` in [-1, 1];
    - `encoder.onnx`: `images` in [-1, 1] to `latents` on the sphere;
    - `sample.onnx`: `noise`, which all steps share, to `images`, by the model's own
      guidance; with more than one step, `sigma` is the strength of the noise between
      them (an angle in radians where noise is a rotation);
    - `refiner.onnx`: `points` of the sphere to `refined` ones, what stands in place of
      decoder and encoder between the steps, told `guidance_scale` (or `angles`).

    All take `labels`, class weights of shape `(batch, num_classes + 1)` with the null
    class last, if the model has classes, and `embeddings` of shape `(batch,
    condition_dim + 1)` if it is conditional on vectors: a vector, then 0, or zeros and
    a 1 for the null vector (an encoder, if it is told); a decoder that is
    told angles takes `angles` of shape `(batch,)`, in radians.

    Args:
        model: `SphereEncoderModel`. What it computes is exported in float32.
        folder: String or path of a folder that does not exist yet.
        parts: Sequence of `"decoder"`, `"encoder"`, `"sample"`, `"refiner"`.
        weights: `"float32"`, `"float16"` or `"uint8"`: how the weights of products are
            stored. What is computed is float32 with each.
        opset: Integer, at least 18. Version of ONNX' operators.
        steps: Integer, the steps of `"sample"`; `None` for the model's default.
        use_ema: Boolean or `None` for the model's default.
        license: String or `None`. Of the weights; the files say it.
        tell: Callable of an `ExportedFile`, as soon as it was written, or `None`.
        refiner: `LatentRefiner` that this model taught, which becomes a part, too;
            `True` for the model's own, which the part `"refiner"` alone means as well.

    Returns:
        List of `ExportedFile`.

    Raises:
        ValueError: If an argument is out of range, the backend cannot do it, or the
            refiner is of another model.
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
    own = current_weights(model, options.use_ema)
    facts = {"license": license, "teacher": teacher_fingerprint(model.backbone, own)}
    refiner = find_refiner(model, refiner or REFINER in parts)
    if refiner is not None:
        check_teacher(model, refiner, own)
        refiner = refiner_in_float32(refiner)
        parts = tuple(dict.fromkeys((*parts, REFINER)))
    model, options = in_float32(model, options)
    files = []
    with folder_when_done(folder) as temporary:
        for name in parts:
            written = _new_part(name, model, options, refiner)
            file = _write(temporary, model, written, weights, opset, options, facts)
            files.append(dataclasses.replace(file, path=folder / file.path.name))
            if tell:
                tell(files[-1])
    return files


class _Part(NamedTuple):
    """A part, and what writes and computes it.

    Attributes:
        part: `Part`.
        new_graph: Callable of the opset that returns an `onnx.ModelProto`.
        compute: Callable of the inputs by name that returns the outputs, arrays.
        facts: Dict of what its metadata say beside those of all parts.
    """

    part: Part
    new_graph: Callable[..., Any]
    compute: Callable[..., Any]
    facts: dict[str, Any]


def _new_part(name, model, options, refiner):
    if name == "sample":
        return _Part(
            sample_part(model, options),
            functools.partial(sample_graph, model, options),
            functools.partial(sample, model, options),
            {"num_steps": options.steps, "sigma": default_sigma(model, options)},
        )
    if name == REFINER:
        part, layer = refiner_part(refiner), refiner
        weights, facts = [w.value for w in refiner.weights], {"refiner": refiner}
    else:
        part = {"decoder": decoder_part, "encoder": encoder_part}[name](model)
        layer, facts = model.backbone, {}
        weights = current_weights(model, options.use_ema)
    network = Network(layer, weights, part)
    graph = functools.partial(onnx_graph, network, weights, part.inputs)
    return _Part(part, graph, network.on_arrays, facts)


def _write(folder, model, written, weights, opset, options, facts):
    part = written.part
    path = folder / f"{part.name}{SUFFIX}"
    graph = written.new_graph(opset)
    graphs.tidy(graph, part.inputs, part.outputs)
    store_weights(graph, weights)
    texts = describe(model, part.name, weights, options, **facts, **written.facts)
    onnx = graphs.onnx_module()
    onnx.helper.set_model_props(graph, texts)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
    rows = _rows(model, part, options, written.facts.get("refiner"))
    agreement = checking.measure(path, part, written.compute, rows)
    checking.check(agreement, part, weights)
    return ExportedFile(part.name, path, path.stat().st_size, agreement)


def _rows(model, part, options, refiner):
    """Inputs as the model meets them: its own images, noise, classes, angles."""
    backbone, count = model.backbone, max(checking.BATCH_SIZES)
    noise = sampling.host_noise(0, range(count), 0, backbone.latent_shape)
    rows = {"latents": noise, "noise": noise}
    if "images" in part.inputs:
        rows["images"] = model.decode(noise)
    columns = backbone.condition_rows
    rows.update(separated(columns, _conditions(columns, count)))
    angles = 0.0, model.noise_schedule.max_angle_degrees
    if refiner is not None:
        points = backbone.spherify(keras.ops.convert_to_tensor(noise))
        rows["points"] = keras.ops.convert_to_numpy(points)
        low, high = angles = refiner.condition_range or angles
        rows["guidance_scale"] = np.linspace(low, high, count, dtype="float32")
    rows["angles"] = np.linspace(*np.radians(angles), count, dtype="float32")
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
