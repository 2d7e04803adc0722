"""The map that a step of generation is: points decoded, and the images encoded."""

import keras

from keras_sphere.models.loops import guided_decode, guided_encode

# Of the angles that a decoder is told, a refiner learns those from so much below.
_DEGREES_BELOW = 15.0


def condition_of(backbone):
    """What the map of a backbone depends on beside points and labels, or `None`.

    A guidance scale where noise is added. Where it is a rotation the guidance acts
    between the maps of two streams, which are told an angle.
    """
    if backbone.architecture["motion"] == "rotation":
        return "angle_degrees" if backbone.tells_angle else None
    return "guidance_scale" if backbone.num_classes else None


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
    if backbone.architecture["motion"] == "rotation":
        angles = 0.0 if condition is None else condition * (3.141592653589793 / 180.0)
        images = backbone.decode(points, labels, angles=angles)
        return backbone.spherify(backbone.encode(images))
    if condition is None:
        images = guided_decode(backbone, points, labels)
        return guided_encode(backbone, images, labels)
    ops = keras.ops
    scale = ops.sqrt(condition) if position == "both" else condition
    weights = {
        place: scale if position in (place, "both") else None
        for place in ("encoder", "decoder")
    }
    if weights["decoder"] is not None:
        weights["decoder"] = ops.reshape(weights["decoder"], (-1, 1, 1, 1))
    if weights["encoder"] is not None:
        weights["encoder"] = ops.reshape(weights["encoder"], (-1, 1, 1))
    images = guided_decode(backbone, points, labels, weights["decoder"])
    return guided_encode(backbone, images, labels, weights["encoder"])
