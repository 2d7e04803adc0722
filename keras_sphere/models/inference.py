"""Compiled network passes, and the weights that they run with."""

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.backend.one_kernel import one_kernel_each
from keras_sphere.backend.operations import compiled, no_gradients, sync_variables
from keras_sphere.backend.replicas import run_split

# Axes of the inputs of programs that go through the images of a chunk.
ROW_AXES = {"x": 0, "labels": 0, "noise": 0, "images": 0, "step_noise": 1}


class NetworkPasses:
    """Encoder, decoder and the whole sampling loop of a backbone, compiled.

    Weights are arguments of the programs, as is all else that may differ from call
    to call. There is one program for each combination of shapes, dtypes and places
    of guidance.

    Args:
        backbone: `SphereEncoderBackbone`.

    Attributes:
        one_kernel_each: Boolean. See the function of that name.
    """

    def __init__(self, backbone):
        self.backbone = backbone
        self.one_kernel_each = False
        self._programs = {}

    def weights(self, averages=()):
        """The backbone's weights as tensors.

        Args:
            averages: Pairs of a variable and the variable to read in its place.
        """
        replaced = {id(variable): average for variable, average in averages}
        return [replaced.get(id(v), v).value for v in self.backbone.weights]

    def encode(self, weights, images, labels=None):
        """Images to points of the sphere."""
        return self._run(self._encode, (), weights, {"x": images, "labels": labels})

    def decode(self, weights, latents, labels=None):
        """Latents, projected onto the sphere, to images."""
        return self._run(self._decode, (), weights, {"x": latents, "labels": labels})

    def sample(self, weights, inputs, num_kept, guidance):
        """The sampling loop; see `sampling.sample_in_program`.

        Args:
            weights: What `weights` returned.
            inputs: Dict of `noise`, `images`, `step_noise`, `sigmas`, `steps`,
                `from_noise` and `labels`.
            num_kept: Integer. 0, or how many images per row the program keeps.
            guidance: Pair of the guidance weights of encoder and decoder, each a
                float or `None`.

        Returns:
            Tensor of images.
        """
        guided = tuple(weight is not None for weight in guidance)
        inputs["guidance"] = np.asarray([weight or 0.0 for weight in guidance], "f4")
        return self._run(self._sample, (num_kept, *guided), weights, inputs)

    def _run(self, program, static, weights, inputs):
        scalars = ("steps", "from_noise")  # torch counts on the host
        inputs = {
            name: value
            if value is None or name in scalars
            else keras.ops.convert_to_tensor(value)
            for name, value in inputs.items()
        }
        key = (program.__name__, static, _signature(inputs))
        if key not in self._programs:
            self._programs[key] = compiled(self._with_weights(program, static))
        with no_gradients(), one_kernel_each(self.one_kernel_each):
            return run_split(
                self._programs[key],
                weights,
                inputs,
                {name: axis for name, axis in ROW_AXES.items() if name in inputs},
                output_axis=1 if static and static[0] else 0,
            )

    def _with_weights(self, program, static):
        def run(weights, inputs):
            scope = keras.StatelessScope()
            for variable, value in zip(self.backbone.weights, weights, strict=True):
                scope.add_update((variable, self._cast(value)))
            with scope:
                return program(*static, **inputs)

        return run

    def _cast(self, weight):
        """A weight in the dtype of its uses, so that no step casts it again."""
        backbone = self.backbone
        if backbone.compute_dtype != backbone.variable_dtype and (
            keras.backend.is_float_dtype(weight.dtype)
        ):
            return keras.ops.cast(weight, backbone.compute_dtype)
        return weight

    def _encode(self, x, labels):
        return self.backbone.spherify(self.backbone.encode(x, labels))

    def _decode(self, x, labels):
        return self.backbone.decode(self.backbone.spherify(x), labels)

    def _sample(self, num_kept, guide_encoder, guide_decoder, labels, guidance, **loop):
        backbone = self.backbone

        def encode(images):
            latents = self._guided(
                backbone.encode, images, labels, guidance[0] if guide_encoder else None
            )
            return backbone.spherify(latents)

        def decode(points):
            if not guide_decoder:
                return backbone.decode(points, labels)
            images = self._guided(backbone.decode, points, labels, guidance[1])
            return keras.ops.clip(images, -1.0, 1.0)

        return sampling.sample_in_program(
            encode,
            decode,
            num_kept=num_kept,
            per_token=backbone.spherify_per_token,
            **loop,
        )

    def _guided(self, network, inputs, labels, weight):
        if weight is None:
            return network(inputs, labels)
        return sampling.guide(network, inputs, labels, self._null_like(labels), weight)

    def _null_like(self, labels):
        null = self.backbone.num_classes
        if len(labels.shape) == 1:
            return keras.ops.full_like(labels, null)
        is_null = keras.ops.arange(null + 1) == null
        return keras.ops.zeros_like(labels) + keras.ops.cast(is_null, labels.dtype)


def _signature(inputs):
    """Names, shapes and dtypes of tensors: what a program is compiled for."""
    return tuple(
        (name, value if value is None else (tuple(value.shape), str(value.dtype)))
        for name, value in inputs.items()
    )


def current_weights(model, use_ema):
    """The backbone's weights, or their moving average, as a list of tensors."""
    sync_variables(model)
    return model.passes.weights(moving_averages(model) if use_ema else ())


def moving_averages(model):
    """Pairs of a trained variable and its moving average, from the optimizer.

    Raises:
        ValueError: If the model's optimizer keeps none, or one of other weights.
    """
    averages = getattr(getattr(model, "optimizer", None), "moving_averages", None)
    if averages is None:
        raise ValueError(
            "`use_ema=True` needs a model compiled with an optimizer that keeps a "
            "moving average, such as `keras_sphere.SphereAdamW`. Received: "
            f"optimizer={getattr(model, 'optimizer', None)}"
        )
    pairs, own = averages(), {id(variable) for variable in model.weights}
    if not own.issuperset(id(variable) for variable, _ in pairs):
        raise ValueError(
            "The moving average is of weights that the model no longer has, as after "
            "`backbone.quantize`. Received: use_ema=True"
        )
    return pairs
