"""Compiled network passes and the loop over chunks, for NumPy in and out."""

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.backend import compiled, no_gradients, sync_variables
from keras_sphere.replicas import local_shares, num_sharers, run_split, share_chunks
from keras_sphere.validation import check_positive_integer

DEFAULT_BATCH_SIZE = 64


def in_chunks(function, arrays, num_images, batch_size=None):
    """Runs `function` on chunks of one size and joins what it returns.

    The last chunk is filled up with copies of its last row, so that one compiled
    program serves all chunks. Torch processes that train together share the chunks;
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
    batch_size = min(batch_size, -(-num_images // num_sharers()))
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
    """Encoder and decoder of a backbone, compiled, with the weights as arguments.

    One program per network, with and without guidance, serves every number of
    steps; a new shape of the input compiles anew.

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

    def encode(self, weights, images, labels=None, guidance=None):
        """Images to points of the sphere; `guidance` is a weight or `None`."""
        return self._run("encode", weights, images, labels, guidance)

    def decode(self, weights, latents, labels=None, guidance=None):
        """Points of the sphere to images; `guidance` is a weight or `None`."""
        return self._run("decode", weights, latents, labels, guidance)

    def _run(self, place, weights, inputs, labels, guidance):
        key = (place, guidance is not None)
        if key not in self._programs:
            self._programs[key] = compiled(self._program(*key))
        with no_gradients():
            return run_split(
                self._programs[key],
                weights,
                [
                    keras.ops.convert_to_tensor(inputs, "float32"),
                    None if labels is None else keras.ops.convert_to_tensor(labels),
                ],
                keras.ops.convert_to_tensor(guidance or 0.0, "float32"),
            )

    def _program(self, place, guided):
        backbone = self.backbone
        network = getattr(backbone, place)

        def run(weights, inputs, labels, guidance):
            mapping = list(zip(backbone.weights, weights, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                if guided:
                    null = keras.ops.full_like(labels, backbone.num_classes)
                    output = sampling.guide(network, inputs, labels, null, guidance)
                else:
                    output = network(inputs, labels)
            if place == "encode":
                return backbone.spherify(output)
            return keras.ops.clip(output, -1.0, 1.0) if guided else output

        return run


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
