"""The fields of a `cfg.json`, whichever of the methods it is of."""

import json

# Kept as notes of a preset, on which no code acts.
NOTES = {
    "batch_size": "batch_size",
    "epochs": "epochs",
    "warmup_epochs": "warmup_epochs",
    "min_lr": "min_learning_rate",
    "dtype": "dtype",
    "dataset_name": "dataset_name",
    "crop_mode": "crop_mode",
    "flip_image": "flip_image",
    "interp_mode": "interp_mode",
}
_LARGEST_FILE = 2**24

# Flags that one of the methods has, and how its folders are converted.
_OF_METHOD = {
    "addition": (
        (
            "vit_enc_latent_mlp_mixer_depth",
            "vit_dec_latent_mlp_mixer_depth",
            "affine_latent_mlp_mixer",
            "mix_hard_cases",
        ),
        "Sphere Encoder: `reference_to_preset`, or `python -m keras_sphere.convert "
        "SOURCE TARGET`",
    ),
    "rotation": (
        (
            "use_angle_condition",
            "angle_condition_mode",
            "use_qk_norm",
            "load_pretrained_encoder",
            "spherify_mode",
        ),
        "Sphere Encoder 2: `sphere2_to_preset`, or `python -m keras_sphere.convert "
        "sphere2 SOURCE --output=TARGET`",
    ),
}


def read_json(path):
    """What a JSON file holds.

    Args:
        path: `pathlib.Path`.

    Raises:
        ValueError: If it is too large, or no JSON.
    """
    size = path.stat().st_size
    if size > _LARGEST_FILE:
        raise ValueError(
            f"{path} must have at most {_LARGEST_FILE} bytes. Received: {size} bytes"
        )
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a JSON file. Received: {error}") from error


def read_fields(path):
    """The fields of a `cfg.json`.

    Args:
        path: `pathlib.Path`.

    Returns:
        Dict.

    Raises:
        ValueError: If the file is no JSON object.
    """
    fields = read_json(path)
    if not isinstance(fields, dict):
        raise ValueError(f"{path} must hold an object. Received: {fields!r:.100}")
    return fields


def renamed(fields, names):
    """The fields that are there of some, under other names.

    Args:
        fields: Dict.
        names: Dict from names of fields to others.
    """
    return {new: fields[key] for key, new in names.items() if key in fields}


def check_method(fields, path, motion):
    """Raises a `ValueError` if a `cfg.json` is one of the other method.

    Args:
        fields: Dict, what it holds.
        path: String or path, for the message.
        motion: String, the method's: see `choices.MOTIONS`.
    """
    own, _ = _OF_METHOD[motion]
    for other, (keys, converter) in _OF_METHOD.items():
        found = [key for key in keys if key in fields]
        if other != motion and found and not any(key in fields for key in own):
            raise ValueError(
                f"{path} is of the other method, and converted as {converter}. "
                f"Received: the fields {found}"
            )
