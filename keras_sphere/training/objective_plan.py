"""What a training compares: the plan of its losses and of their networks."""

from keras_sphere.choices import FEATURE_NETWORKS
from keras_sphere.models.distribution_terms import DISTRIBUTION, SCORE_NETWORKS
from keras_sphere.models.own_terms import LOGITS
from keras_sphere.models.training_objective import UNIFORMITY
from keras_sphere.perceptual import feature_distance_of
from keras_sphere.presets.overrides import RECIPE_ARGUMENTS
from keras_sphere.presets.sources import find
from keras_sphere.training.data_plan import first_given

NO_PERCEPTUAL = "none"
ANGLE_WARMUP = "angle_warmup_epochs"
# Settings of score matching that a recipe may state in epochs, by its name for them.
_EPOCHS_OF_SCORES = {
    name: f"score_matching_{name.removesuffix('_steps')}_epochs"
    for name in (
        "start_steps",
        "warmup_start_steps",
        "warmup_end_steps",
        "learning_rate_warmup",
        "learning_rate_decay",
    )
}
_IN_UPDATES = ("learning_rate_warmup", "learning_rate_decay")
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


def plan_distribution_network(options):
    """The name of the network whose maps score matching compares, or `None`."""
    recipe = find(options.preset).config["recipe"]
    is_wanted = options.score_matching and recipe["score_matching"] is not None
    name = recipe["distribution_features"]
    return name if is_wanted and name in FEATURE_NETWORKS else None


def plan_objective(options, recipe, arguments, schedule):
    """Arguments of `SphereEncoderModel` for its losses.

    Args:
        options: `TrainingOptions`.
        recipe: Dict, of the preset.
        arguments: Dict of the arguments that the preset has.
        schedule: Dict of `epochs` and `steps_per_epoch`.
    """
    objective = {name: arguments[name] for name in RECIPE_ARGUMENTS}
    objective["classifier"] = plan_classifier(options)
    if not options.score_matching:
        objective["score_matching"] = None
    if objective["score_matching"] is not None:
        steps = _score_steps(options, recipe["training"], schedule)
        objective["score_matching"] = {**objective["score_matching"], **steps}
    angle_warmup = _angle_warmup(options, recipe["training"], schedule)
    return objective if angle_warmup is None else {**objective, **angle_warmup}


def _angle_warmup(options, training, schedule):
    """The model's argument `angle_warmup` in a dict, or `None`."""
    epochs = options.angle_warmup_epochs
    if epochs is None:
        share = schedule["epochs"] / training.get("epochs", schedule["epochs"])
        epochs = share * training.get(ANGLE_WARMUP, 0)
    if not 0 <= epochs <= schedule["epochs"]:
        raise ValueError(
            f"`{ANGLE_WARMUP}` must be from 0 to `epochs`. Received: "
            f"{ANGLE_WARMUP}={epochs}, epochs={schedule['epochs']}"
        )
    steps = round(epochs * schedule["steps_per_epoch"])
    return {"angle_warmup": {"steps": steps}} if steps else None


def _score_steps(options, training, schedule):
    """Settings of score matching that a recipe states in epochs.

    They are those of the recipe's length: a shorter training comes to them earlier.
    """
    share = schedule["epochs"] / training.get("epochs", schedule["epochs"])
    steps = {
        name: share * training[key] * schedule["steps_per_epoch"]
        for name, key in _EPOCHS_OF_SCORES.items()
        if key in training
    }
    for name in set(steps) & set(_IN_UPDATES):
        steps[name] /= options.gradient_accumulation_steps
    return {name: int(count) for name, count in steps.items()}


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
    feature_distance = options.perceptual and feature_distance_of(perceptual)
    for name in set(_PIXEL_LOSSES) & set(losses):
        if feature_distance:
            losses[name]["feature_distance"] = feature_distance
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
    if not options.score_matching and SCORE_NETWORKS in losses:
        del losses[SCORE_NETWORKS], losses[DISTRIBUTION]
    return losses
