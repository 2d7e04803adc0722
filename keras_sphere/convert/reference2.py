"""Models of Sphere Encoder 2 from a configuration and state dict in its own terms."""

from collections.abc import Mapping
from typing import Any

from keras_sphere.choices import PRETRAINED_ENCODERS
from keras_sphere.convert.reference import named_sizes, reference_size
from keras_sphere.convert.reference_weights import clean_name, load_reference_weights
from keras_sphere.convert.shapes2 import DINOV3, read_dinov3, read_off, read_size
from keras_sphere.losses import ByAngle, LatentCosineDistance, PixelLoss
from keras_sphere.models import (
    DINOv3Encoder,
    SphereEncoderBackbone,
    SphereEncoderModel,
)

EPSILON = 1e-5
PIXEL_HEADS = {"linear": "patch", "linear+conv": "linear", "conv": "conv"}
_INTERPOLATIONS = {
    "pretrained_encoder_interpolate_tokens": "tokens",
    "pretrained_encoder_interpolate_pos_embed": "positions",
}
_REGIMES = {"lo": "low", "hi": "high", "all": "all"}


def from_reference2(
    config: Mapping[str, Any], state_dict: Mapping[str, Any]
) -> SphereEncoderModel:
    """Builds a model of Sphere Encoder 2 from its configuration and weights.

    Args:
        config: Dict with the key `G1`, the reference's constructor arguments, and,
            where `G1` names a size that is not one of the six, `size`: a dict of
            `width`, `layers`, `heads` and `in_context_start`. `anchor`, if present,
            compiles the model with its losses: `thres` and `band` in degrees, `mode`
            ("soft" or "hard"), and `dist_w`, `dist_regime`, `lat_w`, `lat_regime`.
        state_dict: Dict from reference names to arrays. Compiler prefixes in the
            names are ignored.

    Returns:
        `SphereEncoderModel`.

    Raises:
        ValueError: If a tensor is missing, left over or of the wrong shape.

    Example:

    >>> model = keras_sphere.convert.from_reference2(config, state_dict)
    """
    g = config["G1"]
    sizes = named_sizes(config, g)
    arguments = backbone_arguments2(g, sizes, state_dict)
    backbone = SphereEncoderBackbone(**arguments)
    model = SphereEncoderModel(backbone, max_angle_degrees=max_angle(g))
    load_reference_weights(backbone, state_dict)
    if "anchor" in config:
        losses, weights = reference_losses2(config["anchor"])
        model.compile(loss=losses, loss_weights=weights)
    return model


def max_angle(g):
    """The largest angle of training, in degrees."""
    return g.get("noise_sigma_max_angle", 90.0)


def backbone_arguments2(g, sizes, tensors, has_encoder=True):
    """Arguments of `SphereEncoderBackbone` by the reference's.

    Args:
        g: Dict of the reference's constructor arguments. What it does not say is read
            off the tensors, or as in all published recipes.
        sizes: See `convert.reference.reference_size`.
        tensors: Dict from reference names to what has a `shape`.
        has_encoder: Boolean. Whether the encoder is to be part of it.

    Raises:
        ValueError: If there is no such model, or a tensor that says something is
            missing.
    """
    read = read_off(tensors)
    given = {**read, **g}
    decoder_size = _size(given, "decoder", sizes, tensors)
    pretrained = _pretrained_encoder(given, tensors, has_encoder)
    own_encoder = has_encoder and pretrained is None
    return {
        "image_size": given["input_size"],
        "patch_size": given["patch_size"],
        "token_channels": given["token_channels"],
        "num_channels": read["num_channels"],
        "num_classes": given["num_classes"],
        "encoder_size": (
            _size(given, "encoder", sizes, tensors) if own_encoder else decoder_size
        ),
        "decoder_size": decoder_size,
        "pixel_head": PIXEL_HEADS[given["pixel_head_type"]],
        "pixel_activation": (
            "training_tanh" if given.get("pixel_head_use_tanh") else "linear"
        ),
        "encoder_mixer_depth": 0,
        "decoder_mixer_depth": 0,
        "num_in_context_tokens": given["in_context_size"],
        "spherify_decoder_blocks": given.get("spherify_model", False),
        "spherify_per_token": given.get("spherify_mode", "global") == "local",
        "motion": "rotation",
        "epsilon": EPSILON,
        "qk_norm": given["use_qk_norm"],
        "path_dropout": given.get("drop_residual_path_prob", 0.0),
        "conditional_encoder": False,
        "angle_condition": (
            given.get("angle_condition_mode", "both")
            if given["use_angle_condition"]
            else None
        ),
        "angle_condition_degrees": max_angle(g),
        "pretrained_encoder": pretrained,
        "has_encoder": has_encoder,
    }


def _size(given, half, sizes, tensors):
    name = given.get(
        "vit_enc_model_size" if half == "encoder" else "vit_dec_model_size"
    )
    if name is None:
        return read_size(tensors, half)
    return reference_size(given, name, sizes)


def _pretrained_encoder(given, tensors, has_encoder):
    """The argument `pretrained_encoder` of a backbone."""
    names_dinov3 = is_dinov3(given["load_pretrained_encoder"])
    if not names_dinov3 or not any(DINOV3 in clean_name(name) for name in tensors):
        if has_encoder and given["load_pretrained_encoder"]:
            raise ValueError(
                "Of the pretrained encoders only DINOv3 can be converted, from a file "
                "that holds it. The decoder can be, by itself. Received: "
                f"load_pretrained_encoder={given['load_pretrained_encoder']!r}"
            )
        return None
    arguments = read_dinov3(tensors)
    for key, value in _INTERPOLATIONS.items():
        if given.get(key):
            arguments["interpolate"] = value
    return _named(arguments)


def _named(arguments):
    """The name of a pretrained encoder in place of its numbers, if it has one."""
    default = DINOv3Encoder().get_config()
    usual = all(default[key] == value for key, value in arguments.items())
    return PRETRAINED_ENCODERS[0] if usual else arguments


def is_dinov3(name):
    """Whether a flag `load_pretrained_encoder` may stand for a DINOv3.

    Args:
        name: A boolean, or the name of a network.
    """
    return "dinov3" in name.lower() if isinstance(name, str) else bool(name)


def reference_losses2(anchor):
    """Losses by the reference's names, as `compile` takes them; see `from_reference2`.

    Returns:
        Pair of dicts, losses and their weights.
    """
    regime = {
        "cutoff_degrees": anchor.get("thres", 70.0),
        "band_degrees": anchor.get("band", 5.0),
        "soft": anchor.get("mode", "soft") == "soft",
    }
    losses = {
        "pixel_reconstruction": ByAngle(
            PixelLoss("l1"),
            _REGIMES[anchor.get("dist_regime", "lo")],
            **regime,
            name="pixel_reconstruction",
        ),
        "latent_consistency": ByAngle(
            LatentCosineDistance(),
            _REGIMES[anchor.get("lat_regime", "hi")],
            **regime,
            name="latent_consistency",
        ),
    }
    weights = {
        "pixel_reconstruction": anchor.get("dist_w", 1.0),
        "latent_consistency": anchor.get("lat_w", 0.1),
    }
    return losses, weights
