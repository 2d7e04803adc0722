"""Losses that a model has by its own layers: of logits, and Frechet distances."""

import keras

from keras_sphere.losses import ByAngle, ComputedLoss, LogitDistance
from keras_sphere.models.distribution_terms import compared_maps, unit_pixels
from keras_sphere.wide_floats import as_float

LOGITS = "logits"
FRECHET = {"latents": "frechet_latents", "features": "frechet_features"}
NAMES = (LOGITS, *FRECHET.values())
_DEFAULT_WEIGHT = 0.1
_ARGUMENTS = {
    LOGITS: "classifier",
    **dict.fromkeys(FRECHET.values(), "frechet_matching"),
}


def names_of(model):
    """Names of the losses that a model cannot do without."""
    names = [] if model.logits_term is None else [LOGITS]
    compared = () if model.frechet is None else model.frechet.compares
    return [*names, *(FRECHET[name] for name in compared)]


def distance_names(model):
    """Names by which the distances behind Frechet terms are logged."""
    return [f"{name}_distance" for name in names_of(model) if name != LOGITS]


def default_weights(model):
    """Weights of the losses that a model has by its layers, by name."""
    return dict.fromkeys(names_of(model), _DEFAULT_WEIGHT)


def default_losses(names):
    """Those of the losses of this module that are among `names`."""
    losses = {LOGITS: ByAngle(LogitDistance(), "all", name=LOGITS)}
    for name in FRECHET.values():
        losses[name] = ByAngle(ComputedLoss(), "high", name=name)
    return {name: loss for name, loss in losses.items() if name in names}


def check(model, losses):
    """Raises a `ValueError` unless what a model makes, and `losses`, belong together.

    Args:
        model: `SphereEncoderModel`.
        losses: Dict of losses by name.
    """
    has = names_of(model)
    for name in NAMES:
        given, argument = losses.get(name), _ARGUMENTS[name]
        if (given is not None) != (name in has):
            raise ValueError(
                f"A loss {name!r} and a model with `{argument}` belong together. "
                f"Received: {argument}={getattr(model, argument)!r}, "
                f"loss[{name!r}]={given!r}"
            )
        inner = LogitDistance if name == LOGITS else ComputedLoss
        fits = type(given) is ByAngle and isinstance(given.loss, inner)
        if given is not None and not fits:
            raise ValueError(
                f"`loss` of {name!r} must be a `ByAngle` around a `{inner.__name__}`. "
                f"Received: loss[{name!r}]={given!r}"
            )


def frechet_losses(losses):
    """Those of the compiled losses that are of Frechet terms, by what is compared."""
    return {what: losses[name] for what, name in FRECHET.items() if name in losses}


def outputs(model, images, latents, reconstructed, draws, training):
    """The part of the outputs of a training forward that these losses need.

    Args:
        model: `SphereEncoderModel`.
        images: Images in [-1, 1].
        latents: Pair of latents on the sphere, of images and of what was decoded.
        reconstructed: Dict of `reconstruction`, `features` of both, and `angles`.
        draws: Dict of random numbers; `window` may be missing.
        training: Boolean.

    Returns:
        Dict, empty without such a loss: `logits`, of both images; `frechet`, a dict of
        losses by what is compared; and `distances`, the distances behind them, equal
        for all images.
    """
    given = {}
    if model.logits_term is not None:
        pair = (unit_pixels(x) for x in (images, reconstructed["reconstruction"]))
        given[LOGITS] = model.logits_term(*pair, draws=draws.get("window"))
    if not model.frechet_losses:
        return given
    pairs = {"latents": latents}
    if "features" in model.frechet_losses:
        maps = compared_maps(model, images, reconstructed)
        pairs["features"] = [one_side[-1] for one_side in maps]
    weights = {
        name: loss.weights(reconstructed["angles"])
        for name, loss in model.frechet_losses.items()
    }
    terms = model.frechet(pairs, weights, training=training)
    given["frechet"] = {name: values for name, (values, _) in terms.items()}
    ones = keras.ops.ones_like(as_float(reconstructed["angles"]))
    given["distances"] = {
        f"{FRECHET[name]}_distance": distance * ones
        for name, (_, distance) in terms.items()
    }
    return given


def pair(given):
    """Targets and predictions by the names of losses, from what `outputs` returned."""
    targets, predictions = {}, {}
    if LOGITS in given:
        real, predictions[LOGITS] = given[LOGITS]
        targets[LOGITS] = keras.ops.stop_gradient(real)
    for name, values in given.get("frechet", {}).items():
        predictions[FRECHET[name]] = values
        targets[FRECHET[name]] = keras.ops.zeros_like(values)
    return targets, predictions


def structure(names):
    """Dict of zeros in place of the tensors that `pair` gives, for `names`."""
    return {name: 0.0 for name in NAMES if name in names}
