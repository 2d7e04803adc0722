"""Means over the images of the global batch in which some count more than others."""

import keras

from keras_sphere.backend.replicas import gather_replicas, replica
from keras_sphere.wide_floats import as_float


def global_mean(x):
    """Mean over the first axis, over the global batch; it has no gradient.

    Args:
        x: Float tensor of shape `(batch, ...)`; every device has as many rows.

    Returns:
        Float tensor of shape `(...)`.
    """
    own = keras.ops.stop_gradient(keras.ops.mean(as_float(x), axis=0))
    return keras.ops.mean(gather_replicas(own), axis=0)


def balanced_weights(weights, epsilon=1e-6):
    """Weights per image whose mean over the global batch is one.

    So the mean of weighted values is `sum(w v) / (sum(w) + epsilon)`, over all devices.

    Args:
        weights: Float tensor of shape `(batch,)`, at least 0.
        epsilon: Float.

    Returns:
        Tensor of the same shape.
    """
    ops = keras.ops
    weights = ops.stop_gradient(as_float(weights))
    total = ops.sum(gather_replicas(weights))
    count = ops.cast(ops.shape(weights)[0] * replica()[1], weights.dtype)
    return weights * (count / (total + epsilon))
