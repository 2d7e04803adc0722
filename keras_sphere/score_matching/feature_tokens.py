"""Feature maps as tokens, whose order is that of their rows."""

import math

import keras

from keras_sphere.wide_floats import as_float


def tokens_shape(shape):
    """Number of tokens and of channels of a feature map.

    Args:
        shape: Tuple, `(batch, ..., channels)`.
    """
    *sides, channels = shape[1:]
    return math.prod(sides), channels


def tokens(x):
    """A feature map as a float tensor of shape `(batch, tokens, channels)`."""
    x = as_float(x)
    return keras.ops.reshape(x, (-1, *tokens_shape(x.shape)))
