"""Means over the images of the global batch in which some count more than others."""

import keras

from keras_sphere.backend.replicas import gather_replicas
from keras_sphere.geometry import as_float


def global_mean(x):
    """Mean over the first axis, over the global batch; it has no gradient.

    Args:
        x: Float tensor of shape `(batch, ...)`; every device has as many rows.

    Returns:
        Float tensor of shape `(...)`.
    """
    own = keras.ops.stop_gradient(keras.ops.mean(as_float(x), axis=0))
    return keras.ops.mean(gather_replicas(own), axis=0)


def normalized_weights(weights, epsilon=1e-6):
    """Weights scaled such that the plain mean of `weights * x` is their weighted mean.

    `w_i n / (sum_k w_k + epsilon)` over the n images of the global batch: the plain
    mean, which Keras takes on each device and then over the devices, becomes
    `sum(w x) / (sum(w) + epsilon)`. Where all weights are 0, it is 0.

    Args:
        weights: Float tensor of shape `(batch,)`, at least 0.
        epsilon: Float.

    Returns:
        Float tensor of that shape, without gradient.
    """
    weights = keras.ops.stop_gradient(as_float(weights))
    rows = keras.ops.cast(keras.ops.size(gather_replicas(weights)), weights.dtype)
    return weights / (global_mean(weights) + epsilon / rows)
