"""Bilinear resizing, as two products with constant matrices.

The backends' own resizing differs: TensorFlow's antialiased one has no XLA and no GPU
kernel, and the gradient of PyTorch's is not deterministic on a GPU.
"""

import functools

import keras
import numpy as np

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


def resize_bilinear(images, size, method="antialias"):
    """Resizes images to a square.

    Args:
        images: float32 tensor of shape `(batch, height, width, channels)`.
        size: Integer. The new height and width.
        method: `"antialias"`; or, without it, `"half_pixel"`, which puts pixel i at
            `(i + 1/2) * old / new - 1/2`, as PyTorch does, or `"tensorflow1"`, which
            puts it at `i * old / new`, as TensorFlow 1 did.

    Returns:
        Tensor of shape `(batch, size, size, channels)`.
    """
    height, width = images.shape[1:3]
    if (height, width) == (size, size):
        return images
    rows, columns = (
        keras.ops.convert_to_tensor(bilinear_matrix(old, size, method))
        for old in (height, width)
    )
    images = keras.ops.einsum("oh,bhwc->bowc", rows, images)
    return keras.ops.einsum("pw,bowc->bopc", columns, images)
