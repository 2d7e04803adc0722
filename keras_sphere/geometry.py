"""The sphere: pure functions on latents, without state.

A latent is a tensor of shape `(batch, num_tokens, token_dim)`. All of its
entries together are one point of a space of `D = num_tokens * token_dim`
dimensions, and "on the sphere" means a root mean square of 1, that is a norm of
`sqrt(D)`. Every function computes in float32 (or float64 if that is what it is
given), whatever the dtype policy: tan(89 degrees) is 57, and the cosine of two
random points is about `1 / sqrt(D)`.

Reference:
    - [Image Generation with a Sphere Encoder](https://arxiv.org/abs/2602.15030),
      section 3.
"""

import math
from collections.abc import Sequence

import keras

from keras_sphere.noise_radii import hard_case_radii, stratified_radii
from keras_sphere.typing import Tensor
from keras_sphere.wide_floats import as_float, as_floats, per_image

__all__ = [
    "EPSILON",
    "angle",
    "blerp",
    "degrees_from_sigma",
    "hard_case_radii",
    "lerp",
    "perturb",
    "random_on_sphere",
    "sigma_from_degrees",
    "slerp",
    "spherify",
    "stratified_radii",
]

EPSILON = 1e-6


def _flatten(x):
    return keras.ops.reshape(x, (keras.ops.shape(x)[0], -1))


def spherify(
    latents: Tensor, per_token: bool = False, epsilon: float = EPSILON
) -> Tensor:
    """Projects latents onto the sphere: the map f of the paper.

    `f(z) = z / sqrt(mean(z^2) + epsilon)`. The mean runs over all axes but the
    first, so each image has one sphere. The epsilon sits inside the root:
    `f(0) = 0`, with a finite gradient.

    Args:
        latents: Float tensor of shape `(batch, ...)`.
        per_token: Boolean. Whether every token has a sphere of its own: the mean
            then runs over the last axis only. Defaults to `False`, the paper's
            rule.
        epsilon: Float. 1e-6 in the paper, 1e-5 in Sphere Encoder 2.

    Returns:
        Tensor of the same shape, float32 or wider, of RMS 1 per image (or token).

    Example:

    >>> latents = np.random.normal(size=(2, 16, 8))
    >>> keras_sphere.geometry.spherify(latents).shape
    """
    latents = as_float(latents)
    axis = -1 if per_token else tuple(range(1, len(latents.shape)))
    mean_square = keras.ops.mean(keras.ops.square(latents), axis=axis, keepdims=True)
    return latents / keras.ops.sqrt(mean_square + epsilon)


def sigma_from_degrees(angle_degrees: float) -> float:
    """The noise strength that turns a latent by `angle_degrees`: its tangent.

    In many dimensions noise is nearly orthogonal to the latent and as long, so
    `f(z + tan(a) e)` stands at angle `a` to `z`.

    Args:
        angle_degrees: Float in (0, 90).

    Returns:
        Float.
    """
    return math.tan(math.radians(angle_degrees))


def degrees_from_sigma(sigma: float) -> float:
    """The expected angle, in degrees, of noise of strength `sigma`.

    Args:
        sigma: Float, at least 0.

    Returns:
        Float in [0, 90).
    """
    return math.degrees(math.atan(sigma))


def angle(a: Tensor, b: Tensor) -> Tensor:
    """The angle between two latents, over all axes but the first.

    Computed as `2 atan2(|a' - b'|, |a' + b'|)` of the unit vectors, which unlike
    the arc cosine is exact to rounding at 0 and pi and has finite gradients there.
    A zero vector is at right angles to everything.

    Args:
        a: Float tensor of shape `(batch, ...)`.
        b: Float tensor of the same shape.

    Returns:
        Tensor of shape `(batch,)`, radians in [0, pi].
    """
    a, b = (_unit(x) for x in as_floats(a, b))
    return 2.0 * keras.ops.arctan2(_safe_norm(a - b), _safe_norm(a + b))[:, 0]


def _safe_norm(x):
    """Norm over the last axis, with gradient 0 instead of NaN at 0."""
    square = keras.ops.sum(keras.ops.square(x), axis=-1, keepdims=True)
    return keras.ops.sqrt(keras.ops.maximum(square, 1e-24))


def _unit(x):
    x = _flatten(x)
    return x / keras.ops.maximum(_safe_norm(x), EPSILON)


def perturb(
    sphere_latents: Tensor,
    noise: Tensor,
    sigma: float | Tensor,
    per_token: bool = False,
    epsilon: float = EPSILON,
) -> Tensor:
    """Adds noise to points of the sphere and projects back.

    `f(z + sigma e)`, and exactly `z` where `sigma` is 0 (the paper's v, with
    `sigma = r tan(max angle)` for a radius r in [0, 1]).

    Args:
        sphere_latents: Float tensor of shape `(batch, ...)`, on the sphere.
        noise: Float tensor of the same shape, standard normal.
        sigma: Float, or tensor of one value per image; at least 0.
        per_token: Boolean. See `spherify`.
        epsilon: Float. See `spherify`.

    Returns:
        Tensor of the same shape, on the sphere.

    Example:

    >>> noise = np.random.normal(size=latents.shape)
    >>> sigma = keras_sphere.geometry.sigma_from_degrees(75.0)
    >>> moved = keras_sphere.geometry.perturb(latents, noise, 0.5 * sigma)
    """
    sphere_latents, noise = as_floats(sphere_latents, noise)
    sigma = per_image(sigma, sphere_latents)
    # (A tensor of JAX does not multiply a symbolic one that stands on its right.)
    moved = spherify(sphere_latents + noise * sigma, per_token, epsilon)
    return keras.ops.where(sigma == 0, sphere_latents, moved)


def lerp(a: Tensor, b: Tensor, t: float | Tensor, per_token: bool = False) -> Tensor:
    """The straight line from `a` to `b`, projected onto the sphere.

    Args:
        a: Float tensor of shape `(batch, ...)`.
        b: Float tensor of the same shape.
        t: Float in [0, 1], or tensor of one value per image.
        per_token: Boolean. See `spherify`.

    Returns:
        Tensor of the shape of `a`: `f((1 - t) a + t b)`.
    """
    a, b = as_floats(a, b)
    t = per_image(t, a)
    return spherify((1.0 - t) * a + t * b, per_token)


def blerp(
    top_left: Tensor,
    top_right: Tensor,
    bottom_left: Tensor,
    bottom_right: Tensor,
    x: float | Tensor,
    y: float | Tensor,
    per_token: bool = False,
) -> Tensor:
    """Bilinear interpolation between four latents, projected onto the sphere.

    Args:
        top_left: Float tensor of shape `(batch, ...)`; the other three alike.
        top_right: The corner at `x = 1, y = 0`.
        bottom_left: The corner at `x = 0, y = 1`.
        bottom_right: The corner at `x = 1, y = 1`.
        x: Float in [0, 1], or one value per image.
        y: Float in [0, 1], or one value per image.
        per_token: Boolean. See `spherify`.

    Returns:
        Tensor of the shape of a corner.
    """
    corners = as_floats(top_left, top_right, bottom_left, bottom_right)
    x, y = (per_image(t, corners[0]) for t in (x, y))
    top = (1.0 - x) * corners[0] + x * corners[1]
    bottom = (1.0 - x) * corners[2] + x * corners[3]
    return spherify((1.0 - y) * top + y * bottom, per_token)


def slerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """The point at the share `t` of the way from `a` to `b` on a great circle.

    The angle is taken over the whole latent, all tokens together. Between
    opposite points every great circle is shortest: one is chosen, always the
    same.

    Args:
        a: Float tensor of shape `(batch, ...)`.
        b: Float tensor of the same shape.
        t: Float, or tensor of one value per image; 0 gives `f(a)`, 1 gives `f(b)`.

    Returns:
        Tensor of the shape of `a`, on the sphere.

    Example:

    >>> middle = keras_sphere.geometry.slerp(latents[:1], latents[1:2], 0.5)
    >>> image = model.decode(middle, labels=0)
    """
    shape = keras.ops.shape(keras.ops.convert_to_tensor(a))
    start, end = (_unit(x) for x in as_floats(a, b))
    radians = per_image(t, start) * angle(start, end)[:, None]
    tangent = _tangent(start, end)
    point = keras.ops.cos(radians) * start + keras.ops.sin(radians) * tangent
    return spherify(keras.ops.reshape(point, shape) * math.sqrt(start.shape[-1]))


def _tangent(start, end):
    """Unit vector at `start` in the direction of `end`; both are unit vectors."""

    def reject(x):
        return x - keras.ops.sum(x * start, axis=-1, keepdims=True) * start

    axis = keras.ops.argmin(keras.ops.abs(start), axis=-1)
    spare = reject(keras.ops.one_hot(axis, start.shape[-1], dtype=start.dtype))
    direction = reject(end)
    usable = _safe_norm(direction) > 1e-5
    direction = keras.ops.where(usable, direction, spare)
    return direction / keras.ops.maximum(_safe_norm(direction), EPSILON)


def random_on_sphere(
    shape: Sequence[int], seed: int | keras.random.SeedGenerator | None = None
) -> Tensor:
    """Points drawn uniformly on the sphere: a normal draw, projected.

    Args:
        shape: Tuple `(batch, num_tokens, token_dim)`.
        seed: Python integer or `keras.random.SeedGenerator`.

    Returns:
        float32 tensor of that shape.
    """
    return spherify(keras.random.normal(shape, dtype="float32", seed=seed))
