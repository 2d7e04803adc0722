"""Losses of distributions: by drifting, or by the scores of networks that learn too."""

import keras

from keras_sphere.losses import ByAngle, ComputedLoss, Drifting
from keras_sphere.models.perceptual_maps import feature_maps
from keras_sphere.perceptual.input_augmentation import mirror, translate
from keras_sphere.wide_floats import as_float

DISTRIBUTION, SCORE_NETWORKS = "distribution", "score_networks"
DEFAULT_WEIGHTS = {DISTRIBUTION: 1.0, SCORE_NETWORKS: 1.0}  # of score matching
PIXELS = "pixels"


def default_losses(names, by_scores):
    """Those of the losses of distributions that are among `names`.

    Args:
        names: Names of losses.
        by_scores: Boolean. Whether the model has a score-matching term.
    """
    term = ComputedLoss() if by_scores else Drifting()
    losses = {
        DISTRIBUTION: ByAngle(term, "high", name=DISTRIBUTION),
        SCORE_NETWORKS: ByAngle(ComputedLoss(), "all", name=SCORE_NETWORKS),
    }
    return {name: loss for name, loss in losses.items() if name in names}


def check(model, losses):
    """Raises a `ValueError` if `fit` could not use what is among `losses`.

    Args:
        model: `SphereEncoderModel`.
        losses: Dict of losses by name.
    """
    given = {name: losses[name] for name in DEFAULT_WEIGHTS if name in losses}
    inner = {name: getattr(loss, "loss", None) for name, loss in given.items()}
    if model.scores is not None:
        if not all(isinstance(inner.get(n), ComputedLoss) for n in DEFAULT_WEIGHTS):
            raise ValueError(
                f"A model with `score_matching` needs losses {list(DEFAULT_WEIGHTS)}, "
                "each a `ByAngle` around a `ComputedLoss`. Received: losses around "
                f"{inner}"
            )
    elif SCORE_NETWORKS in given:
        raise ValueError(
            f"A loss {SCORE_NETWORKS!r} needs a model with `score_matching`. "
            f"Received: score_matching=None, loss={given}"
        )
    elif given and not isinstance(inner[DISTRIBUTION], Drifting):
        raise ValueError(
            f"`loss` of {DISTRIBUTION!r} must be a `ByAngle` around a `Drifting`. "
            f"Received: loss[{DISTRIBUTION!r}]={given[DISTRIBUTION]!r}"
        )
    if given:
        check_features(model)


def check_features(model):
    """Raises a `ValueError` if the model has no features that could be compared."""
    if model.distribution_features != PIXELS and model.distribution_network is None:
        raise ValueError(
            'A loss of distributions of "features" needs a `perceptual` network. '
            "Received: perceptual=None, distribution_features='features'"
        )


def unit_pixels(images):
    """Images in [-1, 1] to [0, 1], as float32 or wider."""
    return (as_float(images) + 1.0) / 2.0


def network_maps(model, network):
    """Symbolic feature maps of one image by a network; none without it."""
    if network is None:
        return []
    side, channels = model.backbone.image_size, model.backbone.num_channels
    images = keras.KerasTensor((1, side, side, channels), "float32")
    return keras.tree.flatten(network.compute_output_spec(images))


def map_shapes(model):
    """Shapes of the maps that are compared, with a batch of `None`."""
    check_features(model)
    side, channels = model.backbone.image_size, model.backbone.num_channels
    if model.distribution_features == PIXELS:
        return [(None, side, side, channels)]
    maps = network_maps(model, model.distribution_network)
    return [(None, *x.shape[1:]) for x in maps]


def compared_maps(model, images, reconstructed, views=None):
    """What losses of distributions compare, of images and of what was decoded.

    Args:
        model: `SphereEncoderModel`.
        images: Images in [-1, 1].
        reconstructed: Dict of `reconstruction` and of `features` of both.
        views: Pair of dicts as `draw_translation` returns them, for both, or `None`.

    Returns:
        List of two lists of feature maps.
    """
    network = model.distribution_network
    if network is not None and network is model.perceptual_network and views is None:
        return reconstructed["features"]
    pair = images, reconstructed["reconstruction"]
    if views is not None:
        pair = [_moved(x, **view) for x, view in zip(pair, views, strict=True)]
    if network is None:
        return [[unit_pixels(x)] for x in pair]
    return feature_maps(network, *pair)


def _moved(images, rows, columns, flips):
    return mirror(translate(images, rows, columns), flips)


def outputs(model, images, labels, reconstructed, draws, training):
    """The part of the outputs of a training forward that these losses need.

    Args:
        model: `SphereEncoderModel`.
        images: Images in [-1, 1].
        labels: Integer tensor or `None`.
        reconstructed: Dict of `reconstruction`, `features` of both, and `angles`.
        draws: Dict of random numbers; `scores` and `views` may be missing.
        training: Boolean.

    Returns:
        Dict, empty without such a loss: `drifts`, targets and predictions of
        `Drifting`; or `scores`, the losses of `ScoreTerm`.
    """
    if model.distribution is None:
        return {}
    views = draws.get("views")
    if views is None and model.scores is not None:
        views = model.scores.draw_views(images)
    maps = compared_maps(model, images, reconstructed, views)
    weights = model.distribution.weights(reconstructed["angles"])
    if model.scores is None:
        loss = model.distribution.loss
        return {"drifts": loss.pair(*maps, labels, labels, weights)}
    draws = draws.get("scores")
    scores = model.scores(*maps, weights, labels, draws=draws, training=training)
    return {"scores": scores}


def pair(given):
    """Targets and predictions by the names of losses, from what `outputs` returned."""
    if "drifts" in given:
        targets, predictions = given["drifts"]
        return {DISTRIBUTION: targets}, {DISTRIBUTION: predictions}
    if "scores" not in given:
        return {}, {}
    values = dict(zip(DEFAULT_WEIGHTS, given["scores"], strict=True))
    targets = {name: keras.ops.zeros_like(value) for name, value in values.items()}
    return targets, values


def structure(model, names):
    """Dict of zeros in place of the tensors that `pair` gives, for `names`."""
    zero = 0.0
    if model.scores is None:
        zero = [0.0] * len(map_shapes(model)) if DISTRIBUTION in names else 0.0
    return {name: zero for name in DEFAULT_WEIGHTS if name in names}
