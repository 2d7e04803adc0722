"""Compiled network passes and the loop over chunks, for NumPy in and out."""

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.backend import COMPILES, compiled, no_gradients, sync_variables
from keras_sphere.replicas import local_shares, num_sharers, run_split, share_chunks
from keras_sphere.validation import check_positive_integer

DEFAULT_BATCH_SIZE = 64
# Axes of the inputs of programs that go through the images of a chunk.
ROW_AXES = {"x": 0, "labels": 0, "noise": 0, "images": 0, "step_noise": 1}


def bucket(count, least=1):
    """The size that programs are compiled for, to serve `count`: a power of two."""
    return max(least, 1 << (count - 1).bit_length())


def in_chunks(function, arrays, num_images, batch_size=None):
    """Runs `function` on chunks of one size and joins what it returns.

    The last chunk is filled up with copies of its last row, so that one compiled
    program serves all chunks. Fewer images than `batch_size` are filled up to the
    next power of two where programs are compiled for a size, so that all counts
    share a few programs. Torch processes that train together share the chunks;
    elsewhere the devices share the rows of each.

    Args:
        function: Callable of `(indices, *chunks)`, where `indices` are the positions
            of the chunk's rows, that returns latents `(rows, tokens, channels)`,
            images `(rows, height, width, channels)` or images with one axis more in
            front.
        arrays: List of arrays of `num_images` rows, or `None`.
        num_images: Integer, at least 1.
        batch_size: Integer or `None` for 64.

    Returns:
        Array of `num_images` rows.
    """
    check_positive_integer("num_images", num_images)
    if batch_size is None:
        batch_size = DEFAULT_BATCH_SIZE
    check_positive_integer("batch_size", batch_size)
    own_images = -(-num_images // num_sharers())
    batch_size = min(batch_size, bucket(own_images) if COMPILES else own_images)
    batch_size = -(-batch_size // local_shares()) * local_shares()
    starts = range(0, num_images, batch_size)

    def run(start):
        indices = np.arange(start, start + batch_size)
        rows = np.minimum(indices, num_images - 1)
        return function(indices, *(None if a is None else a[rows] for a in arrays))

    chunks = share_chunks(run, starts)
    row_axis = max(chunks[0].ndim - 4, 0)
    kept = range(num_images)
    return np.take(np.concatenate(chunks, axis=row_axis), kept, axis=row_axis)


class NetworkPasses:
    """Encoder, decoder and the whole sampling loop of a backbone, compiled.

    Weights are arguments of the programs, as is all else that may differ from call
    to call. There is one program for each combination of shapes, dtypes and places
    of guidance.

    Args:
        backbone: `SphereEncoderBackbone`.
    """

    def __init__(self, backbone):
        self.backbone = backbone
        self._programs = {}

    def weights(self, averages=()):
        """The backbone's weights as tensors.

        Args:
            averages: Pairs of a variable and the variable to read in its place.
        """
        replaced = {id(variable): average for variable, average in averages}
        return [
            keras.ops.convert_to_tensor(replaced.get(id(v), v))
            for v in self.backbone.weights
        ]

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
        with no_gradients():
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
        ValueError: If the model's optimizer keeps none.
    """
    averages = getattr(getattr(model, "optimizer", None), "moving_averages", None)
    if averages is None:
        raise ValueError(
            "`use_ema=True` needs a model compiled with an optimizer that keeps a "
            "moving average, such as `keras_sphere.SphereAdamW`. Received: "
            f"optimizer={getattr(model, 'optimizer', None)}"
        )
    return averages()
