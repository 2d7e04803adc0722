"""Smaller images, and plain ways to restore: what the model starts from."""

import numpy as np


def downsample(images, factor):
    """Means of squares of `factor` x `factor` pixels.

    Args:
        images: Float array of shape `(batch, height, width, channels)`.
        factor: Integer that divides height and width.
    """
    batch, height, width, channels = images.shape
    shape = (batch, height // factor, factor, width // factor, factor, channels)
    return images.reshape(shape).mean(axis=(2, 4))


def repeat_pixels(images, factor):
    """Enlarges by turning each pixel into a square of equal ones."""
    return np.repeat(np.repeat(images, factor, axis=1), factor, axis=2)


def enlarge_bicubic(images, factor):
    """Enlarges by Keys' cubic kernel (a = -1/2), edge pixels repeated outwards.

    Args:
        images: Float array of shape `(batch, height, width, channels)`.
        factor: Integer, at least 1.

    Returns:
        float32 array, not clipped.

    Reference:
        - Keys, "Cubic convolution interpolation for digital image processing", 1981.
    """
    rows = _bicubic_matrix(images.shape[1], factor)
    columns = _bicubic_matrix(images.shape[2], factor)
    enlarged = np.einsum("yr,xc,brck->byxk", rows, columns, images, optimize=True)
    return enlarged.astype("float32")


def _bicubic_matrix(size, factor):
    """Weights of `size` pixels in each of `size * factor` pixels."""
    matrix = np.zeros((size * factor, size))
    for target in range(size * factor):
        position = (target + 0.5) / factor - 0.5
        for source in range(int(np.floor(position)) - 1, int(np.floor(position)) + 3):
            weight = _keys(abs(position - source))
            matrix[target, min(max(source, 0), size - 1)] += weight
    return matrix


def _keys(distance):
    if distance < 1:
        return (1.5 * distance - 2.5) * distance**2 + 1
    if distance < 2:
        return ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return 0.0


def blur(images, deviation):
    """Gaussian blur, edge pixels repeated outwards.

    Args:
        images: Float array of shape `(batch, height, width, channels)`.
        deviation: Float above 0. Standard deviation, in pixels.

    Returns:
        float32 array.
    """
    rows, columns = (_blur_matrix(size, deviation) for size in images.shape[1:3])
    blurred = np.einsum("yr,xc,brck->byxk", rows, columns, images, optimize=True)
    return blurred.astype("float32")


def _blur_matrix(size, deviation):
    reach = int(np.ceil(4 * deviation))
    matrix = np.zeros((size, size))
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / deviation) ** 2)
    for target in range(size):
        sources = np.clip(target + offsets, 0, size - 1)
        np.add.at(matrix[target], sources, kernel / kernel.sum())
    return matrix
