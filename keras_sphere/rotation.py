"""Moves of Sphere Encoder 2: noise and guidance turn a latent by an angle.

Pure functions beside those of `geometry`, where the paper's noise is.

Reference:
    - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208)
"""

import keras

from keras_sphere.geometry import EPSILON, spherify
from keras_sphere.wide_floats import as_floats, per_image


def rotate(points, noise_points, radians):
    """Turns points of the sphere towards others: `cos(a) z + sin(a) e`.

    The noise is not made orthogonal, and the sum is not projected: in many dimensions
    two random points stand at nearly 90 degrees. An angle of 0 or less leaves the point
    as it is.

    Args:
        points: Float tensor of shape `(batch, ...)`, on the sphere.
        noise_points: Float tensor of the same shape, on the sphere.
        radians: Float, or tensor of one value per image.

    Returns:
        Tensor of the same shape.
    """
    points, noise_points = as_floats(points, noise_points)
    radians = keras.ops.maximum(per_image(radians, points), 0.0)
    return points * keras.ops.cos(radians) + noise_points * keras.ops.sin(radians)


def rotate_away(points, reference, radians, per_token=False, epsilon=EPSILON):
    """Turns points of the sphere away from others: guidance by an angle.

    `cos(b) z + sin(b) f(t)` with the tangent `t = c z - r`, where c is the cosine
    between z and r over all axes but the first, also where every token has a sphere of
    its own. Where z and r are the same, within 1e-6, z stays.

    Args:
        points: Float tensor of shape `(batch, ...)`, on the sphere.
        reference: Float tensor of the same shape, on the sphere: what to leave.
        radians: Float or scalar tensor.
        per_token: Boolean. See `geometry.spherify`.
        epsilon: Float. See `geometry.spherify`.

    Returns:
        Tensor of the same shape.
    """
    ops = keras.ops
    points, reference = as_floats(points, reference)
    radians = per_image(radians, points)
    axes = tuple(range(1, len(points.shape)))

    def dot(a, b):
        return ops.sum(a * b, axis=axes, keepdims=True)

    norms = ops.sqrt(dot(points, points) * dot(reference, reference))
    tangent = points * (dot(points, reference) / (norms + 1e-8)) - reference
    is_usable = ops.sqrt(dot(tangent, tangent)) > 1e-6
    turned = points * ops.cos(radians)
    turned = turned + spherify(tangent, per_token, epsilon) * ops.sin(radians)
    return ops.where(is_usable, turned, points)
