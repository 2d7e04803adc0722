"""What a training compares: the plan of its losses and of their networks."""

from keras_sphere.models.own_terms import LOGITS
from keras_sphere.models.training_objective import UNIFORMITY
from keras_sphere.perceptual import feature_distance_of
from keras_sphere.presets.overrides import RECIPE_ARGUMENTS
from keras_sphere.presets.sources import find
from keras_sphere.training.data_plan import first_given

NO_PERCEPTUAL = "none"
_PIXEL_LOSSES = ("pixel_reconstruction", "pixel_consistency")
_LOSS_OPTIONS = {
    "reconstruction_distance_weight": ("pixel_reconstruction", "distance_weight"),
    "reconstruction_perceptual_weight": ("pixel_reconstruction", "perceptual_weight"),
    "consistency_distance_weight": ("pixel_consistency", "distance_weight"),
    "consistency_perceptual_weight": ("pixel_consistency", "perceptual_weight"),
    "latent_consistency_weight": ("latent_consistency", "weight"),
    "latent_uniformity_weight": (UNIFORMITY, "weight"),
    "latent_uniformity_per_class": (UNIFORMITY, "per_class"),
}


def plan_perceptual(options):
    """The name of the perceptual network of a training, or `None` for none."""
    recipe = find(options.preset).config["recipe"]
    name = first_given(options.perceptual, recipe["perceptual"], NO_PERCEPTUAL)
    return None if name == NO_PERCEPTUAL else name


def plan_classifier(options):
    """The name of the classifier whose logits a training compares, or `None`.

    They are a part of the recipe's perceptual distance: another one has none.
    """
    recipe = find(options.preset).config["recipe"]
    return recipe["classifier"] if options.perceptual is None else None


def plan_objective(options, arguments):
    """Arguments of `SphereEncoderModel` for its losses.

    Args:
        options: `TrainingOptions`.
        arguments: Dict of the arguments that the preset has.
    """
    objective = {name: arguments[name] for name in RECIPE_ARGUMENTS}
    return {**objective, "classifier": plan_classifier(options)}


def plan_losses(options, recipe, perceptual):
    """The losses of a training, as in a preset's recipe, without those left out.

    Args:
        options: `TrainingOptions`.
        recipe: Dict, of the preset.
        perceptual: String or `None`.

    Raises:
        ValueError: If an option is of a loss that the method does not have.
    """
    recipe = recipe["losses"]
    losses = {name: dict(values) for name, values in recipe.items() if values}
    for name in set(_PIXEL_LOSSES) & set(losses):
        if options.perceptual is not None:
            losses[name]["feature_distance"] = feature_distance_of(perceptual)
        if options.distance is not None:
            losses[name]["distance"] = options.distance
    for option, (name, key) in _LOSS_OPTIONS.items():
        if getattr(options, option) is None:
            continue
        if name not in recipe:
            raise ValueError(
                f"`{option}` must be left out: the method of the preset "
                f"{options.preset!r} has no loss {name!r}. "
                f"Received: {option}={getattr(options, option)}"
            )
        losses.setdefault(name, {})[key] = getattr(options, option)
    if not losses.get(UNIFORMITY, {}).get("weight"):
        losses.pop(UNIFORMITY, None)
    if plan_classifier(options) is None:
        losses.pop(LOGITS, None)
    return losses
