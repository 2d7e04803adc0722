"""Steps of a given angle on the sphere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_sphere import sampling
from keras_sphere.models.generation_inputs import read_seed
from keras_sphere.models.interpolation import noise_of_paths, read_points
from keras_sphere.typing import Array, ArrayLike, Labels
from keras_sphere.validation import read_angle_degrees, read_boolean, read_integer

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel


def walk_points(start, directions, angle_degrees, num_points, per_token=False):
    """Points of the sphere at equal angles from one to the next.

    Args:
        start: Array of shape `(num_tokens, token_channels)`, not zero.
        directions: Array of shape `(turns, num_tokens, token_channels)`, standard
            normal. Step k sets out in direction k; those beyond the last one go on
            along the same great circle.
        angle_degrees: Float in (0, 90). Of every step.
        num_points: Integer, at least 1. `start` included.
        per_token: Boolean. Whether every token turns by the angle on a sphere of its
            own; the latent then turns by it too.

    Returns:
        float32 array of shape `(num_points, num_tokens, token_channels)`, of RMS 1.
    """
    rows = len(start) if per_token else 1

    def vectors(latent):
        return np.reshape(latent, (rows, -1)).astype("float64")

    point, tangent = _unit(vectors(start)), None
    cosine, sine = np.cos(np.radians(angle_degrees)), np.sin(np.radians(angle_degrees))
    points = [point]
    for k in range(num_points - 1):
        if k < len(directions):
            towards = vectors(directions[k])
            along = np.sum(towards * point, axis=1, keepdims=True)
            tangent = _unit(towards - along * point)
        point, tangent = (
            cosine * point + sine * tangent,
            cosine * tangent - sine * point,
        )
        points.append(point)
    radius = np.sqrt(point.shape[1])
    return (radius * np.reshape(points, (num_points, *start.shape))).astype("float32")


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_walk(
    model: SphereEncoderModel,
    start: int | ArrayLike | None = None,
    angle_degrees: float = 10.0,
    num_images: int = 16,
    labels: Labels | None = None,
    turning: bool = False,
    seed: int | None = None,
    **options: Any,
) -> Array:
    """Generates images along a walk on the sphere.

    With more than one step of generation the noise of the later steps, which all
    images share, draws them together: `steps=1` shows the points themselves.

    Args:
        model: `SphereEncoderModel`.
        start: Seed of an image, as `SphereEncoderModel.interpolate` takes it, or a
            latent of shape `(num_tokens, token_channels)`, such as
            `model.encode(images)[0]`. `None` draws it by `seed`.
        angle_degrees: Float in (0, 90). Between each image and the next.
        num_images: Integer, at least 1. The start included.
        labels: As for `SphereEncoderModel.generate`.
        turning: Boolean. `False` walks along one great circle, in a random
            direction; `True` takes a new random direction at every step.
        seed: Integer or `None` for a random one. Of the directions, of the noise of
            later steps, which all images share, and of the start if none is given.
        **options: Options of `SphereEncoderModel.generate`: `steps`,
            `guidance_scale`, `return_steps`, ...

    Returns:
        float32 array of shape `(num_images, height, width, channels)`, in [-1, 1];
        with `return_steps` one axis of length `steps` comes first.

    Raises:
        ValueError: If an argument is out of range.
    """
    angle_degrees = read_angle_degrees("angle_degrees", angle_degrees)
    num_images = read_integer("num_images", num_images)
    turning = read_boolean("turning", turning)
    seed, shape = read_seed(seed), model.backbone.latent_shape
    start = sampling.host_noise(seed, [0], 0, shape)[0] if start is None else start
    (start,) = read_points(model.backbone, "start", [start])
    turns = num_images - 1 if turning else 1
    # Images 1, 2, ... of the run, which nothing else draws.
    directions = sampling.host_noise(seed, range(1, turns + 1), 0, shape)
    per_token = model.backbone.spherify_per_token
    points = walk_points(start, directions, angle_degrees, num_images, per_token)
    return model.generate(
        noise=points,
        labels=labels,
        step_noise=noise_of_paths(model, None, seed, 1, num_images, options),
        **options,
    )
