"""A checksum of a model by which a refiner knows the one that taught it."""

import functools
import hashlib
import json
import math

import keras
import numpy as np

from keras_sphere.backend.operations import compiled, no_gradients
from keras_sphere.models.sizes import resolve_size
from keras_sphere.preset_files.schema import ARCHITECTURE, OPTIONAL

# What a trained model computes does not depend on these.
_OF_TRAINING = ("class_names", "label_dropout", "path_dropout")
_IN_SHAPES = ("condition_dim", "embedder")  # those of the weights say it
_SAMPLES = 1024


def teacher_fingerprint(backbone, weights):
    """A checksum of a backbone's architecture and weights.

    It looks at up to 1,024 values of each weight, spread over it, as float16: cheap
    enough for every call, the same for a preset that stores float16, and another one
    after a step of training.

    Args:
        backbone: `SphereEncoderBackbone`.
        weights: List of tensors in the order of `backbone.weights`, such as
            `current_weights` returns.

    Returns:
        String of 64 hexadecimal digits.
    """
    architecture = {
        key: value
        for key, value in backbone.architecture.items()
        if key in ARCHITECTURE and key not in (*_OF_TRAINING, *_IN_SHAPES)
        if key not in OPTIONAL or value != OPTIONAL[key]
    }
    for name in ("encoder_size", "decoder_size"):
        architecture[name] = resolve_size(name, architecture[name])
    shapes = [list(weight.shape) for weight in weights]
    text = json.dumps([architecture, shapes], sort_keys=True)
    with no_gradients():
        samples = keras.ops.convert_to_numpy(_program()(list(weights)))
    with np.errstate(over="ignore"):
        values = np.asarray(samples).astype("float16")
    return hashlib.sha256(text.encode() + values.tobytes()).hexdigest()


@functools.cache
def _program():
    return compiled(_samples)


def _samples(weights):
    """Some values of each weight, one after the other."""
    ops = keras.ops
    strides = [max(1, -(-math.prod(weight.shape) // _SAMPLES)) for weight in weights]
    return ops.concatenate(
        [
            ops.cast(ops.reshape(weight, (-1,))[::stride], "float32")
            for weight, stride in zip(weights, strides, strict=True)
        ]
    )
