"""Losses and optimizer to plain numbers for a configuration file, and back."""

import logging

from keras_sphere.learning_rate import WarmupCosine
from keras_sphere.losses import (
    ByAngle,
    ComputedLoss,
    Drifting,
    LatentCosineDistance,
    LatentUniformity,
    LogitDistance,
    PixelLoss,
)
from keras_sphere.optimizers import SphereAdamW

_LOSS_KEYS = (
    "distance",
    "distance_weight",
    "perceptual_weight",
    "feature_distance",
    "num_projections",
    "per_class",
    "temperatures",
    "pooling",
)
_OPTIMIZER_KEYS = (
    "learning_rate",
    "beta_1",
    "beta_2",
    "epsilon",
    "weight_decay",
    "encoder_learning_rate_factor",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
)
# Of two, the last one has no arguments.
_CLASSES = {
    "pixel_reconstruction": (PixelLoss,),
    "pixel_consistency": (PixelLoss,),
    "latent_consistency": (LatentCosineDistance,),
    "latent_uniformity": (LatentUniformity,),
    "distribution": (Drifting, ComputedLoss),
    "score_networks": (ComputedLoss,),
    "logits": (LogitDistance,),
    "frechet_latents": (ComputedLoss,),
    "frechet_features": (ComputedLoss,),
}
# Pixel consistency is one of the first method only, the distribution of the second.
_OPTIONAL = {
    "latent_uniformity",
    "pixel_consistency",
    "distribution",
    "score_networks",
    "logits",
    "frechet_latents",
    "frechet_features",
}
_REGIME_KEYS = ("regime", "cutoff_degrees", "band_degrees", "soft")

logger = logging.getLogger("keras_sphere")


def losses_to_recipe(losses, weights):
    """The losses and their weights as numbers.

    Args:
        losses: Dict of `keras.losses.Loss` by name, or `None`.
        weights: Dict of floats, or `None`.

    Returns:
        Dict, or `None` (said on the log) if a loss is not one of this package: a
        configuration file names no classes.
    """
    if losses is None:
        return None
    inner = {
        name: loss.loss if type(loss) is ByAngle else loss
        for name, loss in losses.items()
    }
    known = set(losses) | _OPTIONAL == set(_CLASSES) and all(
        type(loss) in _CLASSES[name] for name, loss in inner.items()
    )
    if not known:
        logger.warning("Losses that are not keras_sphere's own are left out.")
        return None
    recipe = {name: {"weight": float(weights[name])} for name in losses}
    for name, loss in losses.items():
        config = {**loss.get_config(), **inner[name].get_config()}
        keys = (*_LOSS_KEYS, *_REGIME_KEYS)
        recipe[name].update({k: config[k] for k in keys if k in config})
    return recipe


def losses_from_recipe(recipe):
    """The losses and their weights, as `SphereEncoderModel.compile` takes them.

    Args:
        recipe: Dict as `losses_to_recipe` returns it; a loss may be `None`.

    Returns:
        Pair of dicts.
    """
    losses, weights = {}, {}
    for name, values in recipe.items():
        if values is None:
            continue
        losses[name] = _loss(name, values)
        weights[name] = values["weight"]
    return losses, weights


def _loss(name, values):
    regime = {key: values[key] for key in _REGIME_KEYS if key in values}
    outer = ("weight", *regime)
    arguments = {key: value for key, value in values.items() if key not in outer}
    loss = _CLASSES[name][0 if arguments else -1](**arguments, name=name)
    return ByAngle(loss, **regime, name=name) if regime else loss


def optimizer_to_recipe(optimizer):
    """An optimizer as numbers, and the schedule of its learning rate as notes.

    Args:
        optimizer: Keras optimizer, or `None`.

    Returns:
        Pair of a dict, or `None` (said on the log) if it is not a `SphereAdamW`; and
        a dict, empty if the learning rate is constant.
    """
    if optimizer is None:
        return None, {}
    if type(optimizer) is not SphereAdamW:
        logger.warning("An optimizer that is not `SphereAdamW` is left out.")
        return None, {}
    config, notes = optimizer.get_config(), {}
    recipe = {key: config[key] for key in _OPTIMIZER_KEYS}
    schedule = getattr(optimizer, "_learning_rate", None)
    if isinstance(schedule, WarmupCosine):
        recipe["learning_rate"] = schedule.max_value
        notes = {
            "min_learning_rate": schedule.min_value,
            "warmup_steps": schedule.warmup_steps,
            "decay_steps": schedule.decay_steps,
        }
    elif isinstance(recipe["learning_rate"], dict):
        logger.warning("A schedule that is not `WarmupCosine` is left out.")
        recipe["learning_rate"] = float(optimizer.learning_rate)
    return recipe, notes


def optimizer_from_recipe(recipe):
    """`SphereAdamW` with a constant learning rate.

    Args:
        recipe: Dict as `optimizer_to_recipe` returns it.
    """
    return SphereAdamW(**recipe)
