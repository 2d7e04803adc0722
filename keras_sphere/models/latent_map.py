"""The map that a step of generation is: points decoded, and the images encoded."""

import math

import keras

from keras_sphere.models.loops import new_steps

# Of the angles that a decoder is told, a refiner learns those from so much below.
_DEGREES_BELOW = 15.0


def condition_of(backbone):
    """What the map of a backbone depends on beside points and labels, or `None`.

    A guidance scale where noise is added. Where it is a rotation the guidance acts
    between the maps of two streams, which are told an angle.
    """
    if backbone.architecture["motion"] == "rotation":
        return "angle_degrees" if backbone.tells_angle else None
    return "guidance_scale" if backbone.is_conditional else None


def default_range(model):
    """The values of its condition that a refiner of a model learns by default."""
    sampling, most = model.sampling, model.noise_schedule.max_angle_degrees
    if condition_of(model.backbone) == "guidance_scale":
        return 1.0, max(2.0, 1.25 * sampling.guidance_scale)
    return default_angles(sampling, most)


def default_angles(sampling, largest):
    """Angles from below those of the sampling options to the largest of training."""
    least = min(sampling.angle_degrees, sampling.loop_degrees(largest))
    return max(0.0, least - _DEGREES_BELOW), largest


def latent_map(backbone, points, labels, condition=None, position=None):
    """`f(encode(decode(v)))`, guided where noise is added.

    Args:
        backbone: `SphereEncoderBackbone`.
        points: Float tensor of shape `(batch, num_tokens, token_channels)`, on the
            sphere.
        labels: Labels or class weights, or `None`.
        condition: Float tensor of shape `(batch,)`: what `condition_of` names.
        position: Where guidance acts; see `SamplingOptions`.

    Returns:
        Points of the same shape.
    """
    told, weights = 0.0, (None, None)
    if condition is not None and backbone.architecture["motion"] == "rotation":
        told = condition * (math.pi / 180.0)
    elif condition is not None:
        weights = _weights(condition, position)
    guided = tuple(weight is not None for weight in weights)
    steps = new_steps(backbone, guided, labels, weights)
    return steps.encode(steps.decode(points, told, True))


def _weights(scale, position):
    """Weights of guidance of encoder and decoder, one per image, or `None`."""
    scale = keras.ops.sqrt(scale) if position == "both" else scale
    return (
        keras.ops.reshape(scale, (-1, 1, 1)) if position != "decoder" else None,
        keras.ops.reshape(scale, (-1, 1, 1, 1)) if position != "encoder" else None,
    )
