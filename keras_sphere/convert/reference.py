"""Models from a configuration and state dict in the reference's own terms."""

import re

import numpy as np

from keras_sphere.convert.reference_names import reference_weights
from keras_sphere.losses import LatentCosineDistance, PixelLoss
from keras_sphere.models import SphereEncoderBackbone, SphereEncoderModel
from keras_sphere.models.sizes import SIZES
from keras_sphere.optimizers import SphereAdamW

_PREFIXES = re.compile(r"^(?:_orig_mod\.|_checkpoint_wrapped_module\.)+")
_INNER_PREFIXES = re.compile(r"\.(?:_orig_mod|_checkpoint_wrapped_module)(?=\.)")


def from_reference(config, state_dict):
    """Builds a model from a reference configuration and its weights.

    Args:
        config: Dict with the key `G`, the reference's constructor arguments, and,
            where `G` names a size that is not one of the six, `size`: a dict of
            `width`, `layers`, `heads` and `in_context_start`. `loss` (weights) and
            `opt` (optimizer), if present, compile the model accordingly.
        state_dict: Dict from reference names to arrays. Compiler prefixes in the
            names are ignored.

    Returns:
        `SphereEncoderModel`.

    Raises:
        ValueError: If a tensor is missing, left over or of the wrong shape.

    Example:

    >>> model = keras_sphere.convert.from_reference(config, state_dict)
    """
    model = SphereEncoderModel(
        SphereEncoderBackbone(**_backbone_arguments(config, state_dict)),
        **_model_arguments(config["G"]),
    )
    load_reference_weights(model.backbone, state_dict)
    if "loss" in config or "opt" in config:
        losses, weights = reference_losses(config.get("loss", {}))
        model.compile(
            optimizer=_optimizer(config.get("opt", {})),
            loss=losses,
            loss_weights=weights,
        )
    return model


def load_reference_weights(backbone, state_dict):
    """Writes a reference state dict into a backbone.

    Args:
        backbone: `SphereEncoderBackbone` of the same architecture.
        state_dict: Dict from reference names to arrays.

    Raises:
        ValueError: If a tensor is missing, left over or of the wrong shape; the
            backbone is not changed then.
    """
    arrays = {_clean(name): np.asarray(value) for name, value in state_dict.items()}
    weights = list(reference_weights(backbone))
    names = {name for name, _, _ in weights}
    unused = {name for name in arrays if not _never_used(name, backbone)} - names
    if names - set(arrays) or unused:
        raise ValueError(
            "The state dict does not fit the configuration. Received: missing "
            f"{sorted(names - set(arrays))}, unexpected {sorted(unused)}"
        )
    values = []
    for name, variable, transform in weights:
        value = transform(arrays[name])
        if tuple(value.shape) != tuple(variable.shape):
            raise ValueError(
                f"The tensor {name!r} does not fit: expected the shape "
                f"{tuple(variable.shape)} in our layout. Received: {value.shape}"
            )
        values.append((variable, value))
    for variable, value in values:
        variable.assign(value)


def _clean(name):
    return _INNER_PREFIXES.sub("", _PREFIXES.sub("", name))


def _never_used(name, backbone):
    """Buffers, and in-context tokens that no block ever sees."""
    half, _, rest = name.partition(".")
    if rest in ("rope", "inctx_rope"):
        return True
    transformer = getattr(getattr(backbone, half, None), "transformer", None)
    return (
        rest in ("inctx_embed", "inctx_pos_embed")
        and transformer is not None
        and not transformer.inserts_tokens
    )


def _size(config, name):
    if name in SIZES:
        size = dict(SIZES[name])
    else:
        given = config["size"]
        size = {
            "hidden_dim": given["width"],
            "num_layers": given["layers"],
            "num_heads": given["heads"],
            "in_context_start": given["in_context_start"],
        }
    if config["G"].get("halve_model_size"):
        size["num_layers"] //= 2
    return size


def _backbone_arguments(config, state_dict):
    g = config["G"]
    patch_weight = next(
        np.shape(value)
        for name, value in state_dict.items()
        if _clean(name) == "encoder.x_embedder.0.weight"
    )
    return {
        "image_size": g["input_size"],
        "patch_size": g["patch_size"],
        "token_channels": g["token_channels"],
        "num_channels": patch_weight[1],
        "num_classes": g.get("num_classes", 0),
        "encoder_size": _size(config, g["vit_enc_model_size"]),
        "decoder_size": _size(config, g["vit_dec_model_size"]),
        "pixel_head": g.get("pixel_head_type", "linear"),
        "encoder_mixer_depth": g.get("vit_enc_latent_mlp_mixer_depth", 0),
        "decoder_mixer_depth": g.get("vit_dec_latent_mlp_mixer_depth", 0),
        "mixer_affine": g.get("affine_latent_mlp_mixer", True),
        "num_in_context_tokens": g.get("in_context_size", 0),
        "spherify_decoder_blocks": g.get("spherify_model", False),
    }


def _model_arguments(g):
    hard_cases = g.get("mix_hard_cases", False)
    arguments = {
        "max_angle_degrees": g["noise_sigma_max_angle"],
        "hard_case_probability": (
            g.get("mix_hard_cases_prob", 0.1) if hard_cases else 0.0
        ),
    }
    if hard_cases:
        arguments["hard_case_max_angle_degrees"] = g.get("mix_hard_cases_max_angle")
    return arguments


def reference_losses(loss):
    """Losses by the reference's names, as `compile` takes them.

    Args:
        loss: Dict of `distance_loss_type` and the five loss weights.

    Returns:
        Pair of dicts, losses and their weights. A pixel loss holds the weights of
        its own two parts, so its weight among the three is 1.
    """
    distance = loss.get("distance_loss_type", "l1")
    parts = {
        "pixel_reconstruction": (
            loss.get("distance_weight", 1.0),
            loss.get("perceptual_weight", 1.0),
        ),
        "pixel_consistency": (
            loss.get("pixel_consistency_distance_weight", 0.5),
            loss.get("pixel_consistency_perceptual_weight", 0.5),
        ),
    }
    losses = {
        name: PixelLoss(distance, *weights, name=name)
        for name, weights in parts.items()
    }
    losses["latent_consistency"] = LatentCosineDistance(name="latent_consistency")
    latent_weight = loss.get("latent_consistency_weight", 0.1)
    return losses, {**dict.fromkeys(parts, 1.0), "latent_consistency": latent_weight}


def _optimizer(opt):
    beta_1, beta_2 = opt.get("betas", (0.9, 0.95))
    return SphereAdamW(
        learning_rate=float(opt.get("lr", 1e-4)),
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=opt.get("eps", 1e-8),
        weight_decay=opt.get("weight_decay", 0.0),
        encoder_learning_rate_factor=opt.get("encoder_lr_scaler", 0.1),
        global_clipnorm=opt.get("grad_clip", 1.0),
        ema_momentum=opt.get("ema_decay", 0.9997),
    )
