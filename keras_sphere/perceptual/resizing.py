"""Bilinear resizing with antialiasing, as two products with constant matrices."""

import keras
import numpy as np


def bilinear_matrix(old_size, new_size):
    """What resizing does to one axis: each new pixel is a mean of old ones.

    The weights are a triangle around the new pixel's center, one old pixel wide on
    each side, or one new pixel where the image shrinks (antialiasing); at the edges
    what remains of it is normalized.

    Args:
        old_size: Integer.
        new_size: Integer.

    Returns:
        Float32 array of shape `(new_size, old_size)`, whose rows sum to 1.
    """
    scale = old_size / new_size
    centers = (np.arange(new_size) + 0.5) * scale - 0.5
    distances = np.abs(np.arange(old_size)[None] - centers[:, None])
    weights = np.maximum(0.0, 1.0 - distances / max(scale, 1.0))
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def resize_bilinear(images, size):
    """Resizes images to a square.

    The backends' own resizing differs: TensorFlow's antialiased one has no XLA and no
    GPU kernel, and the gradient of PyTorch's is not deterministic on a GPU.

    Args:
        images: Float32 tensor of shape `(batch, height, width, channels)`.
        size: Integer. The new height and width.

    Returns:
        Tensor of shape `(batch, size, size, channels)`.
    """
    height, width = images.shape[1:3]
    if (height, width) == (size, size):
        return images
    rows = keras.ops.convert_to_tensor(bilinear_matrix(height, size))
    columns = keras.ops.convert_to_tensor(bilinear_matrix(width, size))
    images = keras.ops.einsum("oh,bhwc->bowc", rows, images)
    return keras.ops.einsum("pw,bowc->bopc", columns, images)
