"""Bilinear resizing as the public implementations of the FID do it."""

import functools

import keras
import numpy as np

METHODS = ("tensorflow1", "half_pixel")


def resize_bilinear(images, side, method="tensorflow1"):
    """Resizes images without antialiasing.

    `"tensorflow1"` puts output pixel i at `i * size / side`, as TensorFlow 1 does,
    and so the network of 2015 and torch-fidelity; `"half_pixel"` puts it at
    `(i + 1/2) * size / side - 1/2`, as PyTorch does, and pytorch-fid. FIDs that were
    computed by different methods do not compare.

    Args:
        images: Float tensor of shape `(batch, height, width, channels)`.
        side: Integer. Height and width of the result.
        method: `"tensorflow1"` or `"half_pixel"`.

    Returns:
        float32 tensor of shape `(batch, side, side, channels)`.
    """
    height, width = images.shape[1:3]
    rows = _weights(height, side, method)
    columns = _weights(width, side, method)
    images = keras.ops.einsum("oh,bhwc->bowc", rows, images)
    return keras.ops.einsum("ow,bhwc->bhoc", columns, images)


@functools.lru_cache
def _weights(size, side, method):
    """Matrix `(side, size)` of the weights of the input pixels."""
    positions = np.arange(side) * (size / side)
    if method == "half_pixel":
        positions = (np.arange(side) + 0.5) * (size / side) - 0.5
    positions = np.clip(positions, 0.0, size - 1.0)
    low = np.floor(positions).astype(int)
    high = np.minimum(low + 1, size - 1)
    share = positions - low
    weights = np.zeros((side, size))
    np.add.at(weights, (np.arange(side), low), 1.0 - share)
    np.add.at(weights, (np.arange(side), high), share)
    return weights.astype("float32")
