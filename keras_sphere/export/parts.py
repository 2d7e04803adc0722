"""What is exported of a model: functions of tensors with names, without state."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from keras_sphere.models.inference import current_weights
from keras_sphere.models.loops import LOOPS
from keras_sphere.models.quantization import quantized_layers

PARTS = ("decoder", "encoder", "sample")


@dataclasses.dataclass(frozen=True)
class Part:
    """One graph: its inputs and outputs in order, and what it computes.

    Args:
        name: String, of `PARTS`.
        inputs: Dict of name -> shape; `None` is the batch. All are float32.
        outputs: Dict of name -> shape, likewise.
        function: Callable of a backbone and the inputs by name that returns a tuple of
            tensors.
    """

    name: str
    inputs: dict
    outputs: dict
    function: Callable


def decoder_part(model):
    """Latents to images; see `model.decode`.

    Where noise is added, latents are put onto the sphere first. Where it turns, the
    loop decodes points that it moved and did not project, and so does the graph: other
    latents must be projected before. `raw_images` are not clipped: what such a loop
    encodes again.
    """
    backbone = model.backbone
    inputs = {"latents": (None, *backbone.latent_shape), **_labels(backbone)}
    if backbone.tells_angle:
        inputs["angles"] = (None,)

    def decode(backbone, latents, labels=None, angles=None):
        if backbone.architecture["motion"] == "addition":
            latents = backbone.spherify(latents)
        images = backbone.decode(latents, labels, angles=angles)
        return keras.ops.clip(images, -1.0, 1.0), images

    outputs = dict.fromkeys(("images", "raw_images"), _image_shape(backbone))
    return Part("decoder", inputs, outputs, decode)


def encoder_part(model):
    """Images to points of the sphere; see `model.encode`.

    `raw_latents` are not projected yet: guidance of the encoder acts on them.
    """
    backbone = model.backbone
    backbone.require_encoder('The part "encoder"')
    inputs = {"images": _image_shape(backbone)}
    if backbone.architecture["conditional_encoder"]:
        inputs.update(_labels(backbone))

    def encode(backbone, images, labels=None):
        latents = backbone.encode(images, labels)
        return backbone.spherify(latents), latents

    shape = (None, *backbone.latent_shape)
    outputs = dict.fromkeys(("latents", "raw_latents"), shape)
    return Part("encoder", inputs, outputs, encode)


def sample_part(model, options):
    """The loop of `model.generate` whose steps all add, or turn to, the first noise.

    Args:
        model: `SphereEncoderModel`.
        options: `SamplingOptions` or `RotationSamplingOptions`.
    """
    backbone = model.backbone
    if options.steps > 1:
        backbone.require_encoder(f'The part "sample" of {options.steps} steps')
    inputs = {"noise": (None, *backbone.latent_shape), **_labels(backbone)}
    if options.steps > 1:
        inputs["sigma"] = ()
    shares, told = loop_shares(model, options)
    guidance = loop_plan(model, options).guidance
    guided = tuple(weight is not None for weight in guidance)
    loop = LOOPS[backbone.architecture["motion"]]

    def generate(backbone, noise, labels=None, sigma=0.0):
        ops = keras.ops
        image = _image_shape(backbone)[1:]
        strengths = ops.convert_to_tensor(shares) * sigma
        tensors = {
            "noise": noise,
            "images": ops.zeros((ops.shape(noise)[0], *image)),
            "step_noise": noise[None],
            "null_step_noise": noise[None],
            "strengths": strengths,
            "told": ops.convert_to_tensor(told) + strengths,
            "steps": options.steps,
            "from_noise": True,
        }
        numbers = [weight or 0.0 for weight in guidance]
        images = loop(backbone, 0, guided, labels, numbers, tensors)
        return (ops.clip(images, -1.0, 1.0),)

    return Part("sample", inputs, {"images": _image_shape(backbone)}, generate)


def loop_plan(model, options):
    """The plan of the loop from noise; see `loop_plan.LoopPlan`."""
    return options.plan(True, model.noise_schedule.max_angle_degrees)


def default_sigma(model, options):
    """`sigma` as the model itself takes it, of the largest step; 0 for one step."""
    return float(max(loop_plan(model, options).strengths))


def loop_shares(model, options):
    """What the steps take of `sigma`, and what the decoder is told beside that.

    Returns:
        Pair of float32 arrays of one value per step.
    """
    plan, sigma = loop_plan(model, options), default_sigma(model, options)
    shares = np.asarray(plan.strengths, "float32") / (sigma or 1.0)
    told = np.zeros_like(shares)
    told[0] = plan.told[0]
    return shares, told


class FixedWeights:
    """The backbone in float32 as a function of its weights and of inputs by name.

    Args:
        model: `SphereEncoderModel`.
        use_ema: Boolean. Whether to take the moving average of the weights.
        part: `Part`.

    Attributes:
        weights: List of tensors.
    """

    def __init__(self, model, use_ema, part):
        self._backbone, self._part = _in_float32(model.backbone), part
        self._variables = self._backbone.weights
        self.weights = [
            keras.ops.cast(value, "float32")
            for value in current_weights(model, use_ema)
        ]

    def __call__(self, weights, inputs):
        scope = keras.StatelessScope()
        for update in zip(self._variables, weights, strict=True):
            scope.add_update(update)
        with scope:
            return self._part.function(self._backbone, **inputs)


def check_float_weights(backbone):
    """Raises a `ValueError` if layers are quantized: the export does that itself."""
    if quantized_layers(backbone):
        raise ValueError(
            "A model with quantized layers is not exported: take the one before "
            '`quantize`, and `weights="uint8"`. Received: a backbone quantized to int8'
        )


def _in_float32(backbone):
    if backbone.compute_dtype == "float32" == backbone.variable_dtype:
        return backbone
    return type(backbone).from_config({**backbone.get_config(), "dtype": "float32"})


def _labels(backbone):
    count = backbone.num_classes
    return {"labels": (None, count + 1)} if count else {}


def _image_shape(backbone):
    side = backbone.image_size
    return (None, side, side, backbone.num_channels)
