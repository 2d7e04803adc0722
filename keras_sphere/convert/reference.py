"""Models from a configuration and state dict in the reference's own terms."""

from collections.abc import Mapping
from typing import Any

from keras_sphere.convert.reference_weights import clean_name, load_reference_weights
from keras_sphere.losses import LatentCosineDistance, PixelLoss
from keras_sphere.models import SphereEncoderBackbone, SphereEncoderModel
from keras_sphere.models.sizes import SIZES
from keras_sphere.optimizers import SphereAdamW

SIZE_KEYS = {
    "width": "hidden_dim",
    "layers": "num_layers",
    "heads": "num_heads",
    "in_context_start": "in_context_start",
}


def from_reference(
    config: Mapping[str, Any], state_dict: Mapping[str, Any]
) -> SphereEncoderModel:
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
    g = config["G"]
    sizes = named_sizes(config, g)
    arguments = backbone_arguments(g, sizes, num_channels(state_dict))
    model = SphereEncoderModel(
        SphereEncoderBackbone(**arguments),
        **model_arguments(g),
    )
    load_reference_weights(model.backbone, state_dict)
    if "loss" in config or "opt" in config:
        losses, weights = reference_losses(config.get("loss", {}))
        model.compile(
            optimizer=reference_optimizer(config.get("opt", {})),
            loss=losses,
            loss_weights=weights,
        )
    return model


def named_sizes(config, g):
    """The sizes that a configuration gives by their numbers, as `reference_size` takes.

    Args:
        config: Dict, see `from_reference`.
        g: Dict of the reference's constructor arguments.
    """
    if "size" not in config:
        return {}
    halves = ("vit_enc_model_size", "vit_dec_model_size")
    return {g[half]: config["size"] for half in halves}


def reference_size(g, name, sizes):
    """Numbers of one of the reference's sizes.

    Args:
        g: Dict of the reference's constructor arguments.
        name: String. The name of a size.
        sizes: Dict of further sizes by name: dicts of `width`, `layers`, `heads` and
            `in_context_start`.

    Returns:
        Dict as `models.sizes.resolve_size` returns it.
    """
    if name in SIZES:
        size = dict(SIZES[name])
    elif isinstance(sizes, dict) and isinstance(sizes.get(name), dict):
        size = {ours: sizes[name].get(key) for key, ours in SIZE_KEYS.items()}
    else:
        raise ValueError(
            f"The size of a transformer must be one of {list(SIZES)}, or be given by "
            f"its numbers under `sizes`. Received: {name!r}"
        )
    if g.get("halve_model_size"):
        size["num_layers"] //= 2
    return size


def num_channels(state_dict):
    """How many colors a reference state dict is for."""
    for name, value in state_dict.items():
        if clean_name(name) == "encoder.x_embedder.0.weight":
            shape = value.shape
            if len(shape) == 4:
                return int(shape[1])
    raise ValueError(
        "A state dict must hold the patch convolution `encoder.x_embedder.0.weight`, "
        f"of four axes. Received: {sorted(state_dict)[:5]}, ..."
    )


def backbone_arguments(g, sizes, num_channels):
    """Arguments of `SphereEncoderBackbone` by the reference's.

    Args:
        g: Dict of the reference's constructor arguments.
        sizes: See `reference_size`.
        num_channels: Integer.
    """
    return {
        "image_size": g["input_size"],
        "patch_size": g["patch_size"],
        "token_channels": g["token_channels"],
        "num_channels": num_channels,
        "num_classes": g.get("num_classes", 0),
        "encoder_size": reference_size(g, g["vit_enc_model_size"], sizes),
        "decoder_size": reference_size(g, g["vit_dec_model_size"], sizes),
        "pixel_head": g.get("pixel_head_type", "linear"),
        "encoder_mixer_depth": g.get("vit_enc_latent_mlp_mixer_depth", 0),
        "decoder_mixer_depth": g.get("vit_dec_latent_mlp_mixer_depth", 0),
        "mixer_affine": g.get("affine_latent_mlp_mixer", True),
        "num_in_context_tokens": g.get("in_context_size", 0),
        "spherify_decoder_blocks": g.get("spherify_model", False),
    }


def model_arguments(g):
    """Arguments of `SphereEncoderModel` by the reference's."""
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


def reference_optimizer(opt):
    """`SphereAdamW` by the reference's names."""
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
