"""How far two images, feature maps or latents are apart: one value per image."""

import keras

from keras_sphere.choices import DISTANCES


def _smooth_l1(difference):
    size = keras.ops.abs(difference)
    return keras.ops.where(size < 1.0, 0.5 * size * size, size - 0.5)


_FUNCTIONS = (
    _smooth_l1,
    keras.ops.square,
    lambda d: 0.5 * (_smooth_l1(d) + keras.ops.square(d)),
    keras.ops.abs,
)
_POINTWISE = dict(zip(DISTANCES, _FUNCTIONS, strict=True))


def mean_distance(a, b, kind):
    """The mean distance between two tensors, per image.

    Args:
        a: Float tensor of shape `(batch, ...)`.
        b: Float tensor of the same shape.
        kind: `"l1"` is smooth L1 with beta 1, `d^2 / 2` for |d| < 1, else
            `|d| - 1/2`: on images in [0, 1] it is half the squared error. `"l2"`
            is the squared error, `"l1+l2"` the mean of the two, and `"absolute"`
            the absolute error.

    Returns:
        Tensor of shape `(batch,)`.
    """
    values = _POINTWISE[kind](a - b)
    return keras.ops.mean(values, axis=tuple(range(1, len(values.shape))))


def cosine_distance(a, b):
    """`1 - <a, b> / (max(|a|, 1e-6) max(|b|, 1e-6))`, over the whole latent.

    Args:
        a: Float tensor of shape `(batch, ...)`.
        b: Float tensor of the same shape.

    Returns:
        Tensor of shape `(batch,)`, in [0, 2]; 1 where either is zero.
    """
    ops = keras.ops

    def unit(x):
        x = ops.reshape(x, (ops.shape(x)[0], -1))
        square = ops.sum(ops.square(x), axis=-1, keepdims=True)
        return x / ops.sqrt(ops.maximum(square, 1e-12))

    return 1.0 - ops.sum(unit(a) * unit(b), axis=-1)
