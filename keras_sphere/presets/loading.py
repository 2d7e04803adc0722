"""A preset's folder to a model."""

import logging
from typing import Any

import keras

from keras_sphere.models import (
    SphereEncoderBackbone,
    SphereEncoderModel,
    own_terms,
)
from keras_sphere.models.distribution_terms import (
    DEFAULT_WEIGHTS,
    SCORE_NETWORKS,
    default_losses,
)
from keras_sphere.models.limits import check_parameters
from keras_sphere.models.quantization import quantize_layers
from keras_sphere.models.refiner_files import refiner_of_preset
from keras_sphere.perceptual import feature_distance_of
from keras_sphere.preset_files.recipe import losses_from_recipe, optimizer_from_recipe
from keras_sphere.presets.fitting import copy_fitting
from keras_sphere.presets.overrides import resolve_arguments
from keras_sphere.presets.sources import find
from keras_sphere.typing import PathLike
from keras_sphere.validation import if_given, read_boolean

logger = logging.getLogger("keras_sphere")


def load(
    name_or_path: PathLike,
    weights: bool | None = None,
    dtype: str | keras.DTypePolicy | None = None,
    compile: bool = True,
    **overrides: Any,
) -> SphereEncoderModel:
    """Loads a model, ready for `fit` and `generate`.

    Args:
        name_or_path: A built-in name (see `presets.list()`), the path of a folder,
            of a preset or of a training run (its newest checkpoint, or its end), or
            `"hf://user/repository"`, which needs the package `huggingface_hub` and is
            the only one to touch the network; `"hf://user/repository/folder"` is a
            folder of published weights of Sphere Encoder 2, whose decoder is converted
            once.
        weights: Boolean, whether to load weights; `None` loads them where there are
            some, and says on the log where there are none.
        dtype: Dtype policy or its name, such as `"mixed_bfloat16"`. Defaults to
            Keras' global one.
        compile: Boolean. Whether to compile with the losses and the optimizer of
            the recipe, at its constant learning rate.
        **overrides: Arguments of `SphereEncoderBackbone` or `SphereEncoderModel` in
            place of the preset's. Weights that do not fit them start afresh; the
            log names them. To train with a perceptual network that has weights, pass
            its name as `perceptual`: the recipe's alone is not attached, since to
            generate needs none of its files. The log says so, as a warning where the
            model starts untrained.

    Returns:
        `SphereEncoderModel`.

    Raises:
        ValueError: If there is no such preset, it is not valid, or has no weights
            and `weights` is true.
        CorruptFileError: If the file of weights is missing or damaged.

    Example:

    >>> model = keras_sphere.presets.load("digits16")
    >>> images = model.generate(num_images=16)
    """
    weights = if_given(read_boolean, "weights", weights)
    compile = read_boolean("compile", compile)
    source = find(name_or_path)
    config = source.config
    check_parameters(config["architecture"], config["parameters"])
    architecture, options, arguments = resolve_arguments(config, overrides)
    check_parameters(architecture)
    wanted = wants_weights(source, weights)
    options["dtype"] = dtype
    if not wanted:
        backbone = SphereEncoderBackbone(**architecture, **options)
    elif architecture == config["architecture"]:
        backbone = load_backbone(source, options)
    elif config["quantized_layers"]:
        raise ValueError(
            "A preset whose layers are quantized has the architecture it has: change "
            "that of the preset it was made from. Received: "
            f"{source.handle!r} with {overrides}"
        )
    else:
        backbone = SphereEncoderBackbone(**architecture, **options)
        fitted = copy_fitting(load_backbone(source, options), backbone)
        _tell_unfit(fitted, source.handle)
    lacks_maps = _lacks_maps(arguments, config["recipe"], overrides)
    if arguments["distribution_features"] is None:
        arguments["distribution_features"] = "pixels"
    if lacks_maps and "score_matching" not in overrides:
        arguments["score_matching"] = None
    if lacks_maps and "frechet_matching" not in overrides:
        arguments["frechet_matching"] = _without_features(arguments["frechet_matching"])
    model = SphereEncoderModel(backbone, **arguments)
    if wanted and config["refiner"] is not None:
        _attach_refiner(model, source, architecture == config["architecture"])
    # Trained weights are mostly loaded to generate.
    level = logging.INFO if wanted else logging.WARNING
    for argument in ("perceptual", "classifier"):
        if argument not in overrides:
            _tell_of_network(level, model, argument, config["recipe"], source.handle)
    if lacks_maps and config["recipe"]["score_matching"] is not None:
        logger.log(
            level,
            "The recipe of %r has score matching, which is left out: pass "
            "`distribution_features` (here %r), or `perceptual`, to train with it.",
            source.handle,
            config["recipe"]["distribution_features"],
        )
    if compile:
        _compile(model, config["recipe"], lacks_maps)
    return model


def _lacks_maps(arguments, recipe, overrides):
    """Whether what makes the maps that are compared waits to be asked for."""
    features = arguments["distribution_features"]
    if features == "features":
        is_other = arguments["perceptual"] != recipe["perceptual"]
        return "perceptual" not in overrides and is_other
    return features != "pixels" and "distribution_features" not in overrides


def _without_features(frechet_matching):
    """Settings of Frechet terms that compare no feature maps."""
    if frechet_matching is None:
        return None
    compares = [x for x in frechet_matching["compares"] if x != "features"]
    return {**frechet_matching, "compares": compares} if compares else None


def _tell_of_network(level, model, argument, recipe, handle):
    name = recipe[argument]
    if getattr(model, argument) != name:
        logger.log(
            level,
            "The recipe of %r trains with the %s network %r, which is not "
            "attached: pass %s=%r to `load` to train with it.",
            handle,
            argument,
            name,
            argument,
            name,
        )


def _attach_refiner(model, source, is_same):
    """Gives a model the refiner of its preset, unless it is another model by now."""
    if is_same:
        model.attach_refiner(refiner_of_preset(source, model.backbone))
    else:
        logger.info(
            "The refiner of %r is left out: it is of the preset's own model.",
            source.handle,
        )


def wants_weights(source, weights):
    """Whether to load weights, where `None` leaves it to whether there are some.

    Args:
        source: `PresetSource`.
        weights: Boolean or `None`.

    Raises:
        ValueError: If there are none and `weights` is true.
    """
    if source.config["weights"] is not None:
        return weights is not False
    if weights:
        raise ValueError(
            f"The preset {source.handle!r} has no weights: train it by "
            f"`presets.load({source.handle!r}, weights=False).fit(...)`, or convert a "
            "checkpoint with `keras_sphere.convert`. Received: weights=True"
        )
    if weights is None:
        logger.warning(
            "The preset %r has no weights: the model starts untrained.", source.handle
        )
    return False


def load_backbone(source, options):
    """The backbone with the preset's weights, none of which is drawn at random.

    Args:
        source: `PresetSource` with weights.
        options: Dict of further arguments of the backbone, such as `dtype`.

    Raises:
        ValueError: If the weights are not of the architecture beside them.
        CorruptFileError: If the file of weights is missing or damaged.
    """
    path = source.weights()
    with keras.StatelessScope():
        # Variables made here get their values when the scope ends.
        backbone = SphereEncoderBackbone(**source.config["architecture"], **options)
        for variable in backbone.trainable_variables:
            variable._initializer = keras.initializers.Zeros()
    try:
        if source.config["quantized_layers"]:
            quantize_layers(backbone, "int8", source.config["quantized_layers"])
        backbone.load_weights(path)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must hold the weights of the architecture beside it. "
            f"Received: {error}"
        ) from error
    return backbone


def _tell_unfit(fitted, handle):
    unfit = [*fitted.afresh]
    unfit += [path for path in fitted.left_out if path not in fitted.afresh]
    if unfit:
        logger.warning(
            "%d weights of %r do not fit; they are left out, or start afresh: %s",
            len(unfit),
            handle,
            ", ".join(unfit),
        )


def _fitting_losses(recipe, perceptual):
    """The recipe's losses, with the distance that another network's maps are for."""
    distance = feature_distance_of(perceptual)
    if distance is None or perceptual == recipe["perceptual"]:
        return recipe["losses"]
    return {
        name: {**loss, "feature_distance": distance}
        if loss and "feature_distance" in loss
        else loss
        for name, loss in recipe["losses"].items()
    }


def _with_own_distributions(model, *pair):
    """Losses and weights with those of distributions that the model is made for."""
    own = {}, {}
    if model.scores is not None:
        own = default_losses(DEFAULT_WEIGHTS, by_scores=True), DEFAULT_WEIGHTS
    return tuple(
        {**{n: x for n, x in of.items() if n not in DEFAULT_WEIGHTS}, **more}
        for of, more in zip(pair, own, strict=True)
    )


def _with_own_terms(model, losses, weights):
    """Losses and weights with those that the model has layers for, and no others."""
    default = own_terms.default_weights(model)
    for name in own_terms.NAMES:
        if name not in default:
            losses, weights = (
                {n: x for n, x in of.items() if n != name} for of in (losses, weights)
            )
    new = [name for name in default if name not in losses]
    losses = {**losses, **own_terms.default_losses(new)}
    return losses, {**weights, **{name: default[name] for name in new}}


def _compile(model, recipe, lacks_maps=False):
    arguments = {}
    if recipe["losses"] is not None:
        losses = _fitting_losses(recipe, model.perceptual)
        pair = losses_from_recipe(losses)
        if lacks_maps or (model.scores is None) == (SCORE_NETWORKS in pair[0]):
            pair = _with_own_distributions(model, *pair)
        pair = _with_own_terms(model, *pair)
        arguments["loss"], arguments["loss_weights"] = pair
    if recipe["optimizer"] is not None:
        arguments["optimizer"] = optimizer_from_recipe(recipe["optimizer"])
    model.compile(**arguments)
