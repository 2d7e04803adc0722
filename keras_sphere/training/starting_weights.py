"""A training that begins with the weights of a preset: fine-tuning."""

import logging

from keras_sphere.class_names import name_of_class
from keras_sphere.models.limits import check_parameters
from keras_sphere.presets.fitting import copy_fitting
from keras_sphere.presets.loading import load_backbone, wants_weights
from keras_sphere.presets.resizing import Sides
from keras_sphere.presets.sources import find

LEAST_SHARE = 0.01  # of the numbers: a bias here and there is no start
MOST_NAMED = 10
_GRIDS = ("tokens", "pixels of a patch")  # as `Sides` has them

logger = logging.getLogger("keras_sphere")


def check_source(init_from):
    """Finds the preset to begin with, before anything else is done.

    Args:
        init_from: String or path, as for `presets.load`.

    Returns:
        `PresetSource`.

    Raises:
        ValueError: If there is no such preset, it has no weights, or its layers are
            quantized.
        FileNotFoundError: If it is a run that has left none yet.
    """
    source = find(init_from)
    wants_weights(source, True)
    check_parameters(source.config["architecture"], source.config["parameters"])
    if source.config["quantized_layers"]:
        raise ValueError(
            "A training cannot begin with quantized weights: take the preset that they "
            f"were made from. Received: init_from={str(init_from)!r}"
        )
    return source


def start_from(model, init_from):
    """Gives a new model the weights of a preset, as far as they fit.

    The moving average starts from them, too.

    Args:
        model: `SphereEncoderModel`, compiled, before its first step.
        init_from: String or path, as for `presets.load`.

    Returns:
        String: a line that says what was resized, and what left out.

    Raises:
        ValueError: As `check_source`, or if next to nothing fits.
        CorruptFileError: If the file of weights is missing or damaged.
    """
    source = check_source(init_from)
    backbone = load_backbone(source, {})
    fitted = copy_fitting(backbone, model.backbone, by_class=True)
    if fitted.share < LEAST_SHARE:
        raise ValueError(
            f"The weights of {source.handle!r} do not fit this model: "
            f"{_names(fitted.afresh)}. Take its architecture by preset="
            f"{source.handle!r}, without other sizes. Received: init_from="
            f"{source.handle!r}, {fitted.share:.1%} of the weights of a fitting shape"
        )
    if model.optimizer.built:
        model.optimizer.restart_moving_average()
    logger.debug("Afresh: %s. Left out: %s.", fitted.afresh, fitted.left_out)
    return _describe(fitted, source.handle, backbone, model.backbone)


def _describe(fitted, handle, source, backbone):
    parts = [f"{fitted.share:.1%} of the weights begin with those of {handle!r}"]
    if fitted.known_classes is not None:
        parts.append(_describe_classes(fitted.known_classes, backbone))
    if fitted.resized:
        old, new = Sides.of(source), Sides.of(backbone)
        change = " and ".join(
            f"{name} from {a}x{a} to {b}x{b}"
            for name, a, b in zip(_GRIDS, old, new, strict=True)
            if a != b
        )
        parts.append(f"resized, {change}: {_names(fitted.resized)}")
    if fitted.afresh:
        parts.append(f"afresh: {_names(fitted.afresh)}")
    only_there = [path for path in fitted.left_out if path not in fitted.afresh]
    if only_there:
        parts.append(f"left out: {_names(only_there)}")
    return "; ".join(parts) + "."


def _describe_classes(known, backbone):
    names = [
        name_of_class(index, backbone.class_names)
        for index in range(backbone.num_classes)
        if index not in known
    ]
    if not names:
        return "all classes are known"
    return (
        f"{len(known)} of {backbone.num_classes} classes are known, and new ones begin "
        f"as the mean of all: {_names(names)}"
    )


def _names(names):
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
