"""Compiled network passes, and the weights that they run with."""

import keras
import numpy as np

from keras_sphere.backend import fused_operations
from keras_sphere.backend.compiled_blocks import compiled_blocks
from keras_sphere.backend.operations import compiled, no_gradients, sync_variables
from keras_sphere.backend.replicas import run_split
from keras_sphere.models.loops import run_loop
from keras_sphere.models.refined_loops import run_refined_loop

# Axes of the inputs of programs that go through the images of a chunk.
ROW_AXES = {
    **dict.fromkeys(("x", "labels", "null_labels", "angles", "noise", "images"), 0),
    **dict.fromkeys(("step_noise", "null_step_noise"), 1),
}


class NetworkPasses:
    """Encoder, decoder and the whole sampling loop of a backbone, compiled.

    Weights are arguments of the programs, as is all else that may differ from call
    to call. There is one program for each combination of shapes, dtypes and places
    of guidance. Torch runs without any; with `jit_compile` it compiles the blocks.

    Args:
        backbone: `SphereEncoderBackbone`.

    Attributes:
        jit_compile: Boolean. See `SphereEncoderModel.compile`.
    """

    def __init__(self, backbone):
        self.backbone = backbone
        self.jit_compile = False
        self._programs = {}

    def weights(self, averages=()):
        """The backbone's weights as tensors.

        Args:
            averages: Pairs of a variable and the variable to read in its place.
        """
        replaced = {id(variable): average for variable, average in averages}
        self._variables = self.backbone.weights
        return [replaced.get(id(v), v).value for v in self._variables]

    def encode(self, weights, images, labels=None):
        """Images to points of the sphere."""
        return self._run(self._encode, (), weights, {"x": images, "labels": labels})

    def decode(self, weights, latents, labels=None, angles=None):
        """Latents, projected onto the sphere, to images in [-1, 1].

        Args:
            weights: What `weights` returned.
            latents: Float array of shape `(batch, num_tokens, token_channels)`.
            labels: Labels or class weights, or `None`.
            angles: Float array of shape `(batch,)`, radians, or `None`.
        """
        inputs = {"x": latents, "labels": labels, "angles": angles}
        return self._run(self._decode, (), weights, inputs)

    def sample(self, weights, inputs, num_kept, guidance, refiner=None):
        """The sampling loop; see `sampling.sample_in_program`.

        Args:
            weights: What `weights` returned.
            inputs: Dict of `labels` and what `models.loops` calls inputs.
            num_kept: Integer. 0, or how many images per row the program keeps.
            guidance: Tuple of the numbers of guidance that the loop takes, each a float
                or `None` where it is off.
            refiner: `LatentRefiner` in place of decoder and encoder between the steps,
                or `None`. `inputs` then has its `condition`, too.

        Returns:
            Tensor of images.
        """
        guided = tuple(weight is not None for weight in guidance)
        inputs["guidance"] = np.asarray([weight or 0.0 for weight in guidance], "f4")
        static = (num_kept, guided, refiner)
        if refiner is not None:
            weights = [*weights, *(v.value for v in refiner.weights)]
        return self._run(self._sample, static, weights, inputs, refiner)

    def _run(self, program, static, weights, inputs, refiner=None):
        scalars = ("steps", "from_noise")  # torch counts on the host
        inputs = {
            name: value
            if value is None or name in scalars
            else keras.ops.convert_to_tensor(value)
            for name, value in inputs.items()
        }
        key = (program.__name__, static, _signature(inputs))
        if key not in self._programs:
            self._programs[key] = compiled(self._with_weights(program, static, refiner))
        with no_gradients(), compiled_blocks(self.jit_compile):
            return run_split(
                self._programs[key],
                weights,
                inputs,
                {name: axis for name, axis in ROW_AXES.items() if name in inputs},
                output_axis=1 if static and static[0] else 0,
            )

    def _with_weights(self, program, static, refiner=None):
        def run(weights, inputs):
            scope = keras.StatelessScope()  # given a mapping it would cast them back
            count = len(self._variables)
            for network, variables, values in (
                (self.backbone, self._variables, weights[:count]),
                (refiner, refiner.weights if refiner else [], weights[count:]),
            ):
                values = _cast(network, values)
                for update in zip(variables, values, strict=True):
                    scope.add_update(update)
            with scope:
                return program(*static, **inputs)

        return run

    def _encode(self, x, labels):
        return self.backbone.spherify(self.backbone.encode(x, labels))

    def _decode(self, x, labels, angles):
        points = self.backbone.spherify(x)
        images = self.backbone.decode(points, labels, angles=angles)
        return keras.ops.clip(images, -1.0, 1.0)

    def _sample(self, num_kept, guided, refiner, labels, guidance, **inputs):
        how = (num_kept, guided, labels, guidance, inputs)
        if refiner is None:
            return run_loop(self.backbone, *how)
        return run_refined_loop(self.backbone, refiner, *how)


def _cast(network, weights):
    """Weights in the dtype of their uses, so that no step casts them again."""
    if network is None or network.compute_dtype == network.variable_dtype:
        return weights
    return fused_operations.cast_floats(weights, network.compute_dtype)


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
