"""Losses that a model has by its own layers: what a classifier says of images."""

import keras

from keras_sphere.losses import ByAngle, LogitDistance
from keras_sphere.models.distribution_terms import unit_pixels

LOGITS = "logits"
NAMES = (LOGITS,)
_DEFAULT_WEIGHT = 0.1


def names_of(model):
    """Names of the losses that a model cannot do without."""
    return () if model.logits_term is None else (LOGITS,)


def default_weights(model):
    """Weights of the losses that a model has by its layers, by name."""
    return dict.fromkeys(names_of(model), _DEFAULT_WEIGHT)


def default_losses(names):
    """Those of the losses of this module that are among `names`."""
    losses = {LOGITS: ByAngle(LogitDistance(), "all", name=LOGITS)}
    return {name: loss for name, loss in losses.items() if name in names}


def check(model, losses):
    """Raises a `ValueError` unless what a model makes, and `losses`, belong together.

    Args:
        model: `SphereEncoderModel`.
        losses: Dict of losses by name.
    """
    has = names_of(model)
    for name in NAMES:
        given = losses.get(name)
        if (given is not None) != (name in has):
            raise ValueError(
                f"A loss {name!r} and a model with `classifier` belong together. "
                f"Received: classifier={model.classifier!r}, loss[{name!r}]={given!r}"
            )
    fits = LOGITS not in has or (
        type(losses[LOGITS]) is ByAngle
        and isinstance(losses[LOGITS].loss, LogitDistance)
    )
    if not fits:
        raise ValueError(
            f"`loss` of {LOGITS!r} must be a `ByAngle` around a `LogitDistance`. "
            f"Received: loss[{LOGITS!r}]={losses[LOGITS]!r}"
        )


def outputs(model, images, reconstruction, draws):
    """The part of the outputs of a training forward that these losses need.

    Args:
        model: `SphereEncoderModel`.
        images: Images in [-1, 1].
        reconstruction: What was decoded.
        draws: Dict of random numbers; `window` may be missing.

    Returns:
        Dict, empty without such a loss: `logits`, of both.
    """
    if model.logits_term is None:
        return {}
    pair = (unit_pixels(x) for x in (images, reconstruction))
    return {LOGITS: model.logits_term(*pair, draws=draws.get("window"))}


def pair(given):
    """Targets and predictions by the names of losses, from what `outputs` returned."""
    if LOGITS not in given:
        return {}, {}
    real, fake = given[LOGITS]
    return {LOGITS: keras.ops.stop_gradient(real)}, {LOGITS: fake}


def structure(names):
    """Dict of zeros in place of the tensors that `pair` gives, for `names`."""
    return {name: 0.0 for name in NAMES if name in names}
