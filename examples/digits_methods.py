"""The two methods of `train_digits.py`: its model and losses by either."""

import keras_sphere
from keras_sphere.losses import (
    ByAngle,
    Drifting,
    LatentCosineDistance,
    LatentUniformity,
    PixelLoss,
)


def sphere_encoder(options, **shared):
    """The Sphere Encoder: noise is added, a latent is decoded at two strengths.

    Args:
        options: Object with the values of the flags as attributes.
        **shared: Arguments of `SphereEncoderBackbone` that both methods have.

    Returns:
        Tuple of the model, its losses and their weights.
    """
    model = keras_sphere.SphereEncoderModel(
        keras_sphere.SphereEncoderBackbone(**shared),
        max_angle_degrees=options.max_angle_degrees,
        hard_case_probability=options.hard_case_probability,
        hard_case_band=options.hard_case_band,
        perceptual=_perceptual(options),
        sampling={
            "schedule": options.schedule,
            "guidance_scale": options.guidance_scale,
            "use_ema": options.use_ema,
        },
        seed=options.seed,
    )
    losses = {
        "pixel_reconstruction": PixelLoss(),
        "pixel_consistency": PixelLoss(),
        "latent_consistency": LatentCosineDistance(),
    }
    weights = {
        "pixel_reconstruction": 1.0,
        "pixel_consistency": options.pixel_consistency_weight,
        "latent_consistency": _chosen(options.latent_consistency_weight, 1.0),
    }
    return model, *_with_uniformity(options, losses, weights, 0.3)


def sphere_encoder_2(options, **shared):
    """Sphere Encoder 2: noise is a rotation up to 90 degrees; the decoder is told.

    Up to the cutoff images are compared with their own, beyond with the distribution of
    all. Arguments and result are those of `sphere_encoder`.
    """
    backbone = keras_sphere.SphereEncoderBackbone(
        **shared,
        motion="rotation",
        epsilon=1e-5,
        qk_norm=True,
        pixel_head="patch",
        pixel_activation="linear",
        conditional_encoder=False,
        angle_condition="both",
    )
    model = keras_sphere.SphereEncoderModel(
        backbone,
        perceptual=_perceptual(options),
        distribution_features=options.distribution_features,
        sampling={
            "angle_degrees": options.sampling_angle_degrees,
            "guidance_degrees": options.guidance_degrees,
            "use_ema": options.use_ema,
        },
        seed=options.seed,
    )
    cutoff = {"cutoff_degrees": options.cutoff_degrees}
    losses = {
        "pixel_reconstruction": ByAngle(PixelLoss(), "low", **cutoff),
        "latent_consistency": ByAngle(LatentCosineDistance(), "high", **cutoff),
        "distribution": ByAngle(Drifting(), "high", **cutoff),
    }
    weights = {
        "pixel_reconstruction": 1.0,
        "latent_consistency": _chosen(options.latent_consistency_weight, 0.1),
        "distribution": options.distribution_weight,
    }
    if not options.distribution_weight:
        del losses["distribution"], weights["distribution"]
    return model, *_with_uniformity(options, losses, weights, 0.0)


METHODS = {"1": sphere_encoder, "2": sphere_encoder_2}


def _perceptual(options):
    return None if options.perceptual == "none" else options.perceptual


def _chosen(value, default):
    return default if value is None else value


def _with_uniformity(options, losses, weights, default):
    weight = _chosen(options.latent_uniformity_weight, default)
    if weight:
        uniformity = LatentUniformity(per_class=options.uniform_per_class)
        losses = {**losses, "latent_uniformity": uniformity}
        weights = {**weights, "latent_uniformity": weight}
    return losses, weights
