"""Models of Sphere Encoder 2 from a configuration and state dict in its own terms."""

from keras_sphere.convert.reference import num_channels, reference_size
from keras_sphere.convert.reference_weights import clean_name, load_reference_weights
from keras_sphere.losses import ByAngle, LatentCosineDistance, PixelLoss
from keras_sphere.models import SphereEncoderBackbone, SphereEncoderModel

EPSILON = 1e-5
PIXEL_HEADS = {"linear": "patch", "linear+conv": "linear", "conv": "conv"}
_REGIMES = {"lo": "low", "hi": "high", "all": "all"}


def from_reference2(config, state_dict):
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
    sizes = {
        g[half]: config["size"]
        for half in ("vit_enc_model_size", "vit_dec_model_size")
        if "size" in config
    }
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


def backbone_arguments2(g, sizes, tensors):
    """Arguments of `SphereEncoderBackbone` by the reference's.

    Args:
        g: Dict of the reference's constructor arguments. What older ones do not say is
            read off the tensors.
        sizes: See `convert.reference.reference_size`.
        tensors: Dict from reference names to what has a `shape`.
    """
    names = {clean_name(name) for name in tensors}

    def has(part):
        return any(part in name for name in names)

    head = "linear+conv" if has("decoder.out.2") else "linear"
    head = g.get("pixel_head_type", "conv" if has("decoder.out.4") else head)
    tells_angle = g.get("use_angle_condition", has("alpha_embedder"))
    return {
        "image_size": g["input_size"],
        "patch_size": g["patch_size"],
        "token_channels": g["token_channels"],
        "num_channels": num_channels(tensors),
        "num_classes": g.get("num_classes", 0),
        "encoder_size": reference_size(g, g["vit_enc_model_size"], sizes),
        "decoder_size": reference_size(g, g["vit_dec_model_size"], sizes),
        "pixel_head": PIXEL_HEADS[head],
        "pixel_activation": (
            "training_tanh" if g.get("pixel_head_use_tanh") else "linear"
        ),
        "encoder_mixer_depth": 0,
        "decoder_mixer_depth": 0,
        "num_in_context_tokens": g.get("in_context_size", 0),
        "spherify_decoder_blocks": g.get("spherify_model", False),
        "spherify_per_token": g.get("spherify_mode", "global") == "local",
        "motion": "rotation",
        "epsilon": EPSILON,
        "qk_norm": g.get("use_qk_norm", has("attn.q_norm")),
        "path_dropout": g.get("drop_residual_path_prob", 0.0),
        "conditional_encoder": False,
        "angle_condition": (
            g.get("angle_condition_mode", "both") if tells_angle else None
        ),
        "angle_condition_degrees": max_angle(g),
    }


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
