"""What is exported of a model: functions of tensors with names, without state."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_sphere.backend.operations import no_gradients
from keras_sphere.models.inference import current_weights
from keras_sphere.models.quantization import quantized_layers
from keras_sphere.readable import readable_size

CONDITION_INPUTS = ("labels", "embeddings")  # in the order of a row
LARGEST_GRAPH = 2**31 - 2**24  # bytes; of protobuf, less what is not weights


@dataclasses.dataclass(frozen=True)
class Part:
    """One graph: its inputs and outputs in order, and what it computes.

    Args:
        name: String, of `checks.ALL_PARTS`.
        inputs: Dict of name -> shape; `None` is the batch. All are float32.
        outputs: Dict of name -> shape, likewise.
        function: Callable of a backbone (or refiner) and the inputs by name that
            returns a tensor, or a tuple of them.
    """

    name: str
    inputs: dict[str, tuple[int | None, ...]]
    outputs: dict[str, tuple[int | None, ...]]
    function: Callable[..., Any]


def decoder_part(model):
    """Latents to images; see `model.decode`.

    Where noise is added, latents are put onto the sphere first. Where it turns, the
    loop decodes points that it moved and did not project, and so does the graph: other
    latents must be projected before. `raw_images` are not clipped: what such a loop
    encodes again.
    """
    backbone = model.backbone
    inputs = {
        "latents": (None, *backbone.latent_shape),
        **label_input(backbone.condition_rows),
    }
    if backbone.tells_angle:
        inputs["angles"] = (None,)

    def decode(backbone, latents, angles=None, **told):
        if backbone.architecture["motion"] == "addition":
            latents = backbone.spherify(latents)
        images = backbone.decode(latents, joined(told), angles=angles)
        return keras.ops.clip(images, -1.0, 1.0), images

    outputs = dict.fromkeys(("images", "raw_images"), image_shape(backbone))
    return Part("decoder", inputs, outputs, decode)


def encoder_part(model):
    """Images to points of the sphere; see `model.encode`.

    `raw_latents` are not projected yet: guidance of the encoder acts on them.
    """
    backbone = model.backbone
    inputs = {"images": image_shape(backbone)}
    if backbone.architecture["conditional_encoder"]:
        inputs.update(label_input(backbone.condition_rows))

    def encode(backbone, images, **told):
        latents = backbone.encode(images, joined(told))
        return backbone.spherify(latents), latents

    shape = (None, *backbone.latent_shape)
    outputs = dict.fromkeys(("latents", "raw_latents"), shape)
    return Part("encoder", inputs, outputs, encode)


def sample_part(model, options):
    """The loop of `model.generate` whose steps all take the noise it starts from.

    Its graph is made of the pieces of `loop_graph`; there is no function of it.

    Args:
        model: `SphereEncoderModel`.
        options: `SamplingOptions` or `RotationSamplingOptions`.
    """
    backbone = model.backbone
    inputs = {
        "noise": (None, *backbone.latent_shape),
        **label_input(backbone.condition_rows),
    }
    if options.steps > 1:
        inputs["sigma"] = ()
    return Part("sample", inputs, {"images": image_shape(backbone)}, None)


def refiner_part(refiner):
    """Points of the sphere to what decoding and encoding would make of them.

    What a refiner is told beside the class is `guidance_scale`, or `angles` in radians
    as a decoder is told them.

    Args:
        refiner: `LatentRefiner`.
    """
    shape = (None, refiner.grid_size**2, refiner.token_channels)
    inputs = {"points": shape, **label_input(refiner.transformer.rows)}
    if refiner.condition == "guidance_scale":
        inputs["guidance_scale"] = (None,)
    elif refiner.condition is not None:
        inputs["angles"] = (None,)

    def refine(refiner, points, guidance_scale=None, angles=None, **told):
        condition = guidance_scale
        if angles is not None:
            condition = angles * (180.0 / math.pi)
        return refiner(points, joined(told), condition)

    return Part("refiner", inputs, {"refined": shape}, refine)


class Network:
    """A part as a function of weights, and of inputs by name.

    Args:
        layer: The Keras layer that the part's function is given: the backbone of a
            model, or a refiner; in float32.
        weights: List of tensors, the values of `layer.weights`.
        part: `Part`.
    """

    def __init__(self, layer, weights, part):
        self._layer, self._part = layer, part
        self._variables = layer.weights
        self.weights = weights

    def __call__(self, weights, inputs):
        scope = keras.StatelessScope()
        for update in zip(self._variables, weights, strict=True):
            scope.add_update(update)
        with scope:
            outputs = self._part.function(self._layer, **inputs)
        return outputs if isinstance(outputs, tuple) else (outputs,)

    def on_arrays(self, inputs):
        """What the part gives for arrays, as a list of arrays."""
        tensors = {n: keras.ops.convert_to_tensor(a) for n, a in inputs.items()}
        with no_gradients():
            outputs = self(self.weights, tensors)
        return [keras.ops.convert_to_numpy(output) for output in outputs]


def check_float_weights(backbone):
    """Raises a `ValueError` if layers are quantized: the export does that itself."""
    if quantized_layers(backbone):
        raise ValueError(
            "A model with quantized layers is not exported: take the one before "
            '`quantize`, and `weights="uint8"`. Received: a backbone quantized to int8'
        )


def check_sizes(backbone, parts):
    """Raises a `ValueError` if a graph would be larger than a file of ONNX can be.

    Args:
        backbone: `SphereEncoderBackbone`.
        parts: Sequence of strings.
    """
    sizes = {
        name: 4 * getattr(backbone, name).count_params()
        for name in ("decoder", "encoder")
        if getattr(backbone, name) is not None
    }
    sizes["sample"] = sum(sizes.values())
    for part in parts:
        if sizes.get(part, 0) > LARGEST_GRAPH:  # a refiner is smaller than a decoder
            raise ValueError(
                f"One ONNX file holds up to {readable_size(LARGEST_GRAPH)}, also of "
                "weights that are stored in fewer bits afterwards. Received: the part "
                f'"{part}" of {readable_size(sizes[part])} in float32'
            )


def in_float32(model, options):
    """A model that computes in float32, and the options that go with it.

    Args:
        model: `SphereEncoderModel`.
        options: `SamplingOptions` or `RotationSamplingOptions`.

    Returns:
        Pair of both, the same ones if the model does so already.
    """
    backbone = model.backbone
    if backbone.compute_dtype == "float32" == backbone.variable_dtype:
        return model, options
    config = {**backbone.get_config(), "dtype": "float32"}
    copy = type(backbone).from_config(config)
    weights = current_weights(model, options.use_ema)
    copy.set_weights(
        [keras.ops.convert_to_numpy(keras.ops.cast(w, "float32")) for w in weights]
    )
    schedule = model.noise_schedule.get_config()
    sampling = {**model.sampling.to_dict(), "use_ema": False}
    copy = type(model)(copy, **schedule, sampling=sampling)
    return copy, dataclasses.replace(options, use_ema=False)


def refiner_in_float32(refiner):
    """A refiner that computes in float32; the same one if it does so already."""
    if refiner.compute_dtype == "float32" == refiner.variable_dtype:
        return refiner
    copy = type(refiner).from_config({**refiner.get_config(), "dtype": "float32"})
    weights = [keras.ops.cast(weight, "float32") for weight in refiner.weights]
    copy.set_weights([keras.ops.convert_to_numpy(weight) for weight in weights])
    return copy


def label_input(columns):
    """The inputs that say the condition, of which a row is made; or nothing.

    Args:
        columns: `ConditionRows`.
    """
    return {name: (None, count) for name, count in columns.inputs().items()}


def joined(told):
    """A row, of tensors or arrays, of the inputs of `label_input`; `None` of none.

    Args:
        told: Dict of tensors or of arrays, in any order.
    """
    parts = [told[name] for name in CONDITION_INPUTS if name in told]
    if len(parts) < 2:
        return parts[0] if parts else None
    of_arrays = all(isinstance(part, np.ndarray) for part in parts)
    join = np.concatenate if of_arrays else keras.ops.concatenate
    return join(parts, axis=1)


def separated(columns, rows):
    """The inputs of `label_input` by name, of rows; nothing of `None`."""
    inputs, start = {}, 0
    for name, count in columns.inputs().items():
        if rows is not None:
            inputs[name] = rows[:, start : start + count]
        start += count
    return inputs


def image_shape(backbone):
    """Shape of images; `None` is the batch."""
    side = backbone.image_size
    return (None, side, side, backbone.num_channels)
