"""The `cfg.json` of a reference run folder, read and written."""

import logging

from keras_sphere.convert.reference import SIZE_KEYS
from keras_sphere.convert.run_fields import NOTES, check_method, read_fields, renamed
from keras_sphere.models.sizes import SIZES, resolve_size

logger = logging.getLogger("keras_sphere")

_MODEL_KEYS = (
    "image_size",
    "patch_size",
    "token_channels",
    "vit_enc_model_size",
    "vit_dec_model_size",
    "num_classes",
    "cond_generator",
    "halve_model_size",
    "in_context_size",
    "pixel_head_type",
    "spherify_model",
    "noise_sigma_max_angle",
    "vit_enc_latent_mlp_mixer_depth",
    "vit_dec_latent_mlp_mixer_depth",
    "affine_latent_mlp_mixer",
    "mix_hard_cases",
    "mix_hard_cases_prob",
    "mix_hard_cases_max_angle",
)
_LOSS_KEYS = {
    "distance_loss_type": "distance_loss_type",
    "pix_recon_dist_loss_weight": "distance_weight",
    "pix_recon_perc_loss_weight": "perceptual_weight",
    "pix_con_dist_loss_weight": "pixel_consistency_distance_weight",
    "pix_con_perc_loss_weight": "pixel_consistency_perceptual_weight",
    "lat_con_loss_weight": "latent_consistency_weight",
}
_OPTIMIZER_KEYS = {
    "learning_rate": "lr",
    "weight_decay": "weight_decay",
    "encoder_lr_scaler": "encoder_lr_scaler",
    "grad_clip": "grad_clip",
    "ema_model_decay": "ema_decay",
}


def read_run_config(path):
    """Reads a `cfg.json`.

    Args:
        path: `pathlib.Path`.

    Returns:
        Dict of `G` (constructor arguments), `sizes`, `loss`, `opt`, in the
        reference's terms as `convert.reference` takes them, `notes`, `sampling`, a
        dict of `SamplingOptions` or `None`, and `class_names`, a list or `None`.

    Raises:
        ValueError: If the file is no JSON object, or a field that defines the model
            is missing.
    """
    fields = read_fields(path)
    check_method(fields, path, "addition")
    missing = [key for key in _MODEL_KEYS if key not in fields]
    if missing:
        raise ValueError(
            f"{path} must hold all fields that define the model. Received: no {missing}"
        )
    g = {key: fields[key] for key in _MODEL_KEYS}
    g["input_size"] = g.pop("image_size")
    if not g.pop("cond_generator"):
        g["num_classes"] = 0

    return {
        "G": g,
        "sizes": fields.get("sizes", {}),
        "loss": renamed(fields, _LOSS_KEYS),
        "opt": renamed(fields, _OPTIMIZER_KEYS),
        "notes": renamed(fields, NOTES),
        "sampling": fields.get("sampling"),
        "class_names": fields.get("class_names"),
    }


def run_config(preset):
    """The fields of a `cfg.json` for a preset.

    Args:
        preset: Dict, a preset's configuration.

    Returns:
        Dict. Three fields are this package's own: `sampling`, `class_names`, and
        `sizes` where a transformer is of none of the reference's six sizes.

    Raises:
        ValueError: If the reference has no such model.
    """
    architecture = preset["architecture"]
    if architecture["spherify_per_token"]:
        raise ValueError(
            "The reference's models have one sphere for the whole latent. Received: a "
            "preset with spherify_per_token=True"
        )
    if architecture.get("position_grid") is not None:
        raise ValueError(
            "The reference's rotary positions are those of the tokens. Received: a "
            f"preset with position_grid={architecture['position_grid']}"
        )
    _warn_of_differences(preset)
    noise, training = preset["noise"], preset["recipe"]["training"]
    return {
        "image_size": architecture["image_size"],
        "patch_size": architecture["patch_size"],
        "latent_resolution": architecture["image_size"] // architecture["patch_size"],
        "token_channels": architecture["token_channels"],
        **_size_fields(architecture),
        "num_classes": architecture["num_classes"],
        "cond_generator": architecture["num_classes"] > 0,
        "in_context_size": architecture["num_in_context_tokens"],
        "pixel_head_type": architecture["pixel_head"],
        "spherify_model": architecture["spherify_decoder_blocks"],
        "noise_sigma_max_angle": noise["max_angle_degrees"],
        "vit_enc_latent_mlp_mixer_depth": architecture["encoder_mixer_depth"],
        "vit_dec_latent_mlp_mixer_depth": architecture["decoder_mixer_depth"],
        "affine_latent_mlp_mixer": architecture["mixer_affine"],
        "mix_hard_cases": noise["hard_case_probability"] > 0.0,
        "mix_hard_cases_prob": noise["hard_case_probability"],
        "mix_hard_cases_max_angle": noise["hard_case_max_angle_degrees"],
        **_loss_fields(preset["recipe"]["losses"]),
        **_optimizer_fields(preset["recipe"]["optimizer"]),
        "sampling": preset["sampling"],
        "class_names": architecture["class_names"],
        **{key: training[ours] for key, ours in NOTES.items() if ours in training},
    }


def _warn_of_differences(preset):
    architecture, noise = preset["architecture"], preset["noise"]
    differences = [
        f"{name}={value!r}"
        for name, value, reference in (
            ("num_channels", architecture["num_channels"], 3),
            ("label_dropout", architecture["label_dropout"], 0.1),
            ("hard_case_band", noise["hard_case_band"], "narrow"),
        )
        if value != reference
    ]
    if differences:
        logger.warning(
            "cfg.json cannot say these; the reference has other values: %s",
            ", ".join(differences),
        )


def _size_fields(architecture):
    """Names of the two sizes, halved or not; `sizes` where they have no name."""
    sizes = {
        key: resolve_size(half, architecture[half])
        for key, half in (
            ("vit_enc_model_size", "encoder_size"),
            ("vit_dec_model_size", "decoder_size"),
        )
    }
    for halve in (False, True):
        names = {key: _size_name(size, halve) for key, size in sizes.items()}
        if all(names.values()):
            return {**names, "halve_model_size": halve}
    logger.warning(
        "The reference has no transformers of these sizes; their numbers are in the "
        "field `sizes` of cfg.json, which only keras_sphere reads."
    )
    numbers = {
        key.replace("_model_size", ""): {
            theirs: size[ours] for theirs, ours in SIZE_KEYS.items()
        }
        for key, size in sizes.items()
    }
    names = {key: key.replace("_model_size", "") for key in sizes}
    return {**names, "halve_model_size": False, "sizes": numbers}


def _size_name(size, halve):
    for name, known in SIZES.items():
        layers = known["num_layers"] // 2 if halve else known["num_layers"]
        if {**known, "num_layers": layers} == size:
            return name
    return None


def _loss_fields(losses):
    if losses is None:
        return {}
    pixel = {
        key: losses[name]
        for key, name in (
            ("pix_recon", "pixel_reconstruction"),
            ("pix_con", "pixel_consistency"),
        )
    }
    fields = {"distance_loss_type": pixel["pix_recon"]["distance"]}
    for key, loss in pixel.items():
        for part in ("distance", "perceptual"):
            weight = loss["weight"] * loss[f"{part}_weight"]
            fields[f"{key}_{part[:4]}_loss_weight"] = weight
    fields["lat_con_loss_weight"] = losses["latent_consistency"]["weight"]
    return fields


def _optimizer_fields(optimizer):
    if optimizer is None:
        return {}
    return {
        "learning_rate": optimizer["learning_rate"],
        "weight_decay": optimizer["weight_decay"],
        "encoder_lr_scaler": optimizer["encoder_learning_rate_factor"],
        "grad_clip": optimizer["global_clipnorm"],
        "ema_model_decay": optimizer["ema_momentum"],
    }
