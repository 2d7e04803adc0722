"""What `compile` accepts: whatever `fit` could not use is refused here, by name."""

import keras

from keras_sphere.backend.operations import COMPILES
from keras_sphere.losses import LatentUniformity
from keras_sphere.models import distribution_terms, own_terms
from keras_sphere.models.perceptual_maps import feature_maps
from keras_sphere.models.training_objective import UNIFORMITY
from keras_sphere.optimizers import SphereAdamW
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_boolean,
    read_integer,
    read_not_negative,
)

_OPERANDS = {
    "pixel": "two dicts of `images` and `features`, such as `PixelLoss`",
    "latent": "two tensors of latents, such as `LatentCosineDistance`",
}


def read_compile_arguments(
    model, optimizer=None, loss=None, loss_weights=None, **kwargs
):
    """Checks the arguments of `SphereEncoderModel.compile`, and fills in the paper's.

    Args:
        model: `SphereEncoderModel`.
        optimizer: See there, as for all others.
        loss: Likewise.
        loss_weights: Likewise.
        **kwargs: Likewise.

    Returns:
        Dict of arguments of `keras.Model.compile`.

    Raises:
        ValueError: If training could not use one of them.
    """
    objective = model.objective
    default = objective.default_weights(model)
    weights = default if loss_weights is None else loss_weights
    weights = _read_weights(weights, objective.names)
    own = objective.default_losses(
        model.perceptual,
        objective.names if loss else weights,
        model.scores is not None,
    )
    loss = own if loss is None else loss
    _check_names("loss", loss, objective.names)
    left_out = {name for name, given in loss.items() if given is None}
    loss = {name: loss[name] for name in loss if name not in left_out}
    weights = {name: weights[name] for name in weights if name not in left_out}
    if set(loss) != set(weights):
        raise ValueError(
            "`loss` and `loss_weights` must have the same keys; a loss of `None` is "
            f"left out. Received: loss with the keys {list(loss)}, loss_weights with "
            f"the keys {list(weights)}"
        )
    if not isinstance(loss.get(UNIFORMITY), (LatentUniformity, type(None))):
        raise ValueError(
            f"`loss` of {UNIFORMITY!r} must be a `LatentUniformity`. "
            f"Received: loss[{UNIFORMITY!r}]={loss[UNIFORMITY]!r}"
        )
    distribution_terms.check(model, loss)
    own_terms.check(model, loss)
    checked = (*distribution_terms.DEFAULT_WEIGHTS, *own_terms.NAMES)
    custom = {
        n: loss[n]
        for n in loss
        if type(loss[n]) is not type(own[n]) and n not in checked
    }
    _try_losses(model, custom)
    return {
        "optimizer": _read_optimizer(optimizer, model.scores),
        "loss": loss,
        "loss_weights": weights,
        **_read_options(**kwargs),
    }


def _read_optimizer(optimizer, scores=None):
    """The optimizer, in which the networks of a score-matching term learn apart."""
    optimizer = _optimizer(optimizer)
    takes_any = isinstance(optimizer, SphereAdamW) and not optimizer.built
    if scores is not None and takes_any and optimizer.apart is None:
        optimizer.learn_apart(scores.learning_apart())
    return optimizer


def _optimizer(optimizer):
    if optimizer is None:
        return SphereAdamW()
    try:
        return keras.optimizers.get(optimizer)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`optimizer` must be a Keras optimizer, such as "
            "`keras_sphere.SphereAdamW()`, or the name of one. "
            f"Received: optimizer={optimizer!r}"
        ) from error


def _check_names(argument, given, names):
    """Raises a `ValueError` unless `given` is a dict with names of the losses."""
    if not isinstance(given, dict) or not given or not set(given) <= set(names):
        raise ValueError(
            f"`{argument}` must be a dict with the keys {list(names)}. "
            f"Received: {argument}={given!r}"
        )


def _read_weights(weights, names):
    _check_names("loss_weights", weights, names)
    return {
        name: float(read_not_negative(f"loss_weights[{name!r}]", weight))
        for name, weight in weights.items()
    }


def _try_losses(model, losses):
    """Raises a `ValueError` if a loss cannot be computed, by computing it on zeros."""
    if not losses:
        return
    targets, predictions = model.objective.pair(*_zeros(model))
    for name, loss in losses.items():
        try:
            loss = keras.losses.get(loss)
            value = loss(targets[name], predictions[name])
        except Exception as error:
            reason = f"which fails: {type(error).__name__}: {error}"
        else:
            is_scalar = len(value.shape) == 0
            if is_scalar or not isinstance(loss, keras.losses.Loss):
                continue
            reason = f"which gives values of shape {tuple(value.shape)}, not one"
        raise ValueError(
            f"`loss` of {name!r} must be a `keras.losses.Loss` of "
            f"{_OPERANDS[name.split('_')[0]]}. Received: loss[{name!r}]="
            f"{losses[name]!r}, {reason}"
        )


def _zeros(model):
    """Two black images, and outputs of a training forward of their shapes."""
    backbone = model.backbone
    side = backbone.image_size
    images = keras.KerasTensor((2, side, side, backbone.num_channels), "float32")
    latents = keras.KerasTensor((2, *backbone.latent_shape), "float32")
    (features,) = feature_maps(model.perceptual_network, images)
    images, latents, features = keras.tree.map_structure(
        lambda tensor: keras.ops.zeros(tensor.shape, tensor.dtype),
        (images, latents, features),
    )
    return images, model.objective.zeros(images, latents, features)


def _read_options(
    metrics=None,
    weighted_metrics=None,
    run_eagerly=False,
    auto_scale_loss=True,
    jit_compile="auto",
    steps_per_execution=1,
    **unknown,
):
    """What else `keras.Model.compile` takes; it refuses what it does not know."""
    given = {"metrics": metrics, "weighted_metrics": weighted_metrics}
    for name, value in given.items():
        if value:
            raise ValueError(
                f"`{name}` must be left out: the model has no single output that they "
                "could compare. It measures its losses, `psnr` and more by itself; see "
                f"also `keras_sphere.evaluate`. Received: {name}={value!r}"
            )
    check_choice("jit_compile", jit_compile, (False, True, None, "auto"))
    if jit_compile != "auto":
        jit_compile = if_given(read_boolean, "jit_compile", jit_compile)
    steps_per_execution = read_integer("steps_per_execution", steps_per_execution)
    if steps_per_execution > 1 and not COMPILES:
        raise ValueError(
            "`steps_per_execution` must be 1 with the PyTorch backend. "
            f"Received: steps_per_execution={steps_per_execution}"
        )
    return {
        "run_eagerly": if_given(read_boolean, "run_eagerly", run_eagerly),
        "auto_scale_loss": read_boolean("auto_scale_loss", auto_scale_loss),
        "jit_compile": jit_compile,
        "steps_per_execution": steps_per_execution,
        **unknown,
    }
