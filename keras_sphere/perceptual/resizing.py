"""Bilinear and bicubic resizing, as two products with constant matrices.

The backends' own resizing differs: TensorFlow's antialiased one has no XLA and no GPU
kernel, and the gradient of PyTorch's is not deterministic on a GPU.
"""

import functools

import keras
import numpy as np

from keras_sphere.backend import fused_operations
from keras_sphere.wide_floats import as_float

METHODS = ("antialias", "half_pixel", "tensorflow1")


@functools.lru_cache
def bilinear_matrix(old_size, new_size, method="antialias"):
    """What resizing does to one axis: each new pixel is a mean of old ones.

    The weights are a triangle around the new pixel's center, one old pixel wide on
    each side; with antialiasing one new pixel where the image shrinks. At the edges
    what remains of it is normalized.

    Args:
        old_size: Integer.
        new_size: Integer.
        method: See `resize_bilinear`.

    Returns:
        float32 array of shape `(new_size, old_size)`, whose rows sum to 1.
    """
    scale = old_size / new_size
    centers = np.arange(new_size) * scale
    if method != "tensorflow1":
        centers = centers + 0.5 * scale - 0.5
    if method != "antialias":
        centers = np.clip(centers, 0.0, old_size - 1.0)
    reach = max(scale, 1.0) if method == "antialias" else 1.0
    distances = np.abs(np.arange(old_size)[None] - centers[:, None])
    weights = np.maximum(0.0, 1.0 - distances / reach)
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


@functools.lru_cache
def bicubic_matrix(old_size, new_size):
    """What bicubic resizing does to one axis, without antialiasing.

    The weights are Keys' cubic convolution with a = -3/4 around the new pixel's center,
    which lies where `"half_pixel"` puts it; beyond the edges the last pixels go on. So
    do PyTorch and OpenCV.

    Args:
        old_size: Integer.
        new_size: Integer.

    Returns:
        float32 array of shape `(new_size, old_size)`, whose rows sum to 1.
    """
    centers = (np.arange(new_size) + 0.5) * old_size / new_size - 0.5
    matrix = np.zeros((new_size, old_size))
    rows = np.arange(new_size)
    for offset in range(-1, 3):
        places = np.floor(centers) + offset
        columns = np.clip(places, 0, old_size - 1).astype(int)
        np.add.at(matrix, (rows, columns), _cubic(np.abs(centers - places)))
    return matrix.astype("float32")


def _cubic(x, a=-0.75):
    near = ((a + 2.0) * x - (a + 3.0)) * x**2 + 1.0
    far = a * (((x - 5.0) * x + 8.0) * x - 4.0)
    return np.where(x <= 1.0, near, np.where(x < 2.0, far, 0.0))


def resize_bilinear(images, size, method="antialias"):
    """Resizes images to a square.

    Args:
        images: Float tensor of shape `(batch, height, width, channels)`, float32 or
            wider.
        size: Integer. The new height and width.
        method: `"antialias"`; or, without it, `"half_pixel"`, which puts pixel i at
            `(i + 1/2) * old / new - 1/2`, as PyTorch does, or `"tensorflow1"`, which
            puts it at `i * old / new`, as TensorFlow 1 did.

    Returns:
        Tensor of shape `(batch, size, size, channels)`.
    """
    return _resize(images, size, method)


def resize_bicubic(images, size):
    """Resizes images, or other maps, to a square; see `bicubic_matrix`.

    Args:
        images: See `resize_bilinear`.
        size: Integer. The new height and width.

    Returns:
        Tensor of shape `(batch, size, size, channels)`.
    """
    return _resize(images, size, "bicubic")


def _resize(images, size, method):
    height, width = images.shape[1:3]
    if (height, width) == (size, size):
        return images
    images = as_float(images)
    rows, columns = fused_operations.constants(
        _matrices, (height, width, size, method), like=images
    )
    images = keras.ops.einsum("oh,bhwc->bowc", rows, images)
    return keras.ops.einsum("pw,bowc->bopc", columns, images)


def _matrices(height, width, size, method):
    if method == "bicubic":
        return bicubic_matrix(height, size), bicubic_matrix(width, size)
    return tuple(bilinear_matrix(old, size, method) for old in (height, width))
