"""What a preset's `config.json` may say: every key, its type and its range.

A configuration comes from a file that anybody may have written. It names no class and
no function; it holds numbers and choices, and what is not listed here is refused.
"""

import re

from keras_sphere.choices import (
    ANGLE_CONDITIONS,
    GUIDANCE_POSITIONS,
    MOTIONS,
    PIXEL_ACTIVATIONS,
    PIXEL_HEADS,
    SCHEDULES,
)
from keras_sphere.class_names import LONGEST_NAME
from keras_sphere.preset_files import rules
from keras_sphere.preset_files.recipe_schema import (
    FIRST_RECIPE,
    LOSSES,
    OPTIONAL_OF_ROTATION,
    RECIPE,
)

# 1 has neither `class_names` nor `quantized_layers`, 2 knows one method only, 3 no
# refiner, 4 no positions of another grid and no vectors of condition. A preset is
# written as the first that can say what it holds, which more versions read.
FORMAT_VERSION = 5
FORMAT_WITH_REFINER = 4
FORMAT_WITHOUT_REFINER = 3
# Keys of an architecture that are written only where they have another value than this.
OPTIONAL = {"position_grid": None, "condition_dim": 0, "embedder": None}
WEIGHTS_FILE = re.compile(r"model(-[0-9a-f]{16})?\.weights\.h5")
REFINER_WEIGHTS_FILE = re.compile(r"refiner(-[0-9a-f]{16})?\.weights\.h5")
_SHA256 = re.compile("[0-9a-f]{64}")
_NAME = rules.matching(re.compile(f"(?s).{{1,{LONGEST_NAME}}}"))
_ANGLE = rules.number(0.0, 90.0, inclusive=False)
_RIGHT_ANGLE = rules.number(0.0, 90.0)
_SHARE = rules.number(0.0, 1.0)

# What differs with the motion of the architecture.
_OF_MOTION = {
    "addition": {
        "noise": {
            "max_angle_degrees": _ANGLE,
            "hard_case_probability": _SHARE,
            "hard_case_max_angle_degrees": _ANGLE,
            "hard_case_band": rules.choice("narrow", "full"),
        },
        "sampling": {
            "steps": rules.integer(1),
            "guidance_scale": rules.number(0.0),
            "guidance_position": rules.choice(*GUIDANCE_POSITIONS),
            "schedule": rules.choice(*SCHEDULES),
            "shared_noise": rules.boolean(),
            "max_angle_degrees": rules.optional(_ANGLE),
            "use_ema": rules.boolean(),
        },
    },
    "rotation": {
        "noise": {"max_angle_degrees": _RIGHT_ANGLE},
        "sampling": {
            "steps": rules.integer(1),
            "angle_degrees": _RIGHT_ANGLE,
            "loop_angle_degrees": rules.optional(_RIGHT_ANGLE),
            "guidance_degrees": _RIGHT_ANGLE,
            "shared_noise": rules.boolean(),
            "use_ema": rules.boolean(),
        },
    },
}

# See `rules.check`.
_SCHEMA = {
    "format_version": rules.integer(1),
    "name": rules.text(200),
    "description": rules.text(),
    "license": rules.text(200),
    "parameters": rules.integer(1, 2**53),
    "architecture": {
        "image_size": rules.integer(1),
        "patch_size": rules.integer(1),
        "token_channels": rules.integer(1),
        "num_channels": rules.integer(1),
        "num_classes": rules.integer(0),
        "encoder_size": rules.size(),
        "decoder_size": rules.size(),
        "pixel_head": rules.choice(*PIXEL_HEADS),
        "encoder_mixer_depth": rules.integer(0, rules.MOST_LAYERS),
        "decoder_mixer_depth": rules.integer(0, rules.MOST_LAYERS),
        "mixer_affine": rules.boolean(),
        "num_in_context_tokens": rules.integer(0),
        "spherify_decoder_blocks": rules.boolean(),
        "spherify_per_token": rules.boolean(),
        "label_dropout": _SHARE,
        "class_names": rules.optional(rules.list_of(_NAME)),
        "motion": rules.choice(*MOTIONS),
        "epsilon": rules.number(0.0, 1.0, inclusive=False),
        "qk_norm": rules.boolean(),
        "path_dropout": _SHARE,
        "pixel_activation": rules.choice(*PIXEL_ACTIVATIONS),
        "conditional_encoder": rules.boolean(),
        "angle_condition": rules.optional(rules.choice(*ANGLE_CONDITIONS)),
        "angle_condition_degrees": _RIGHT_ANGLE,
        "pretrained_encoder": rules.pretrained_encoder(),
        "has_encoder": rules.boolean(),
        "position_grid": rules.optional(rules.integer(1)),
        "condition_dim": rules.integer(0),
        "embedder": rules.optional(rules.text(200)),
    },
    "refiner": [
        {
            "file": rules.matching(REFINER_WEIGHTS_FILE),
            "sha256": rules.matching(_SHA256),
            "parameters": rules.integer(1, 2**53),
            "hidden_dim": rules.integer(1),
            "num_layers": rules.integer(1, rules.MOST_LAYERS),
            "num_heads": rules.integer(1),
            "condition_range": rules.optional(rules.list_of(rules.number(0.0), 2)),
            "guidance_position": rules.optional(rules.choice(*GUIDANCE_POSITIONS)),
            "teacher": rules.matching(_SHA256),
        }
    ],
    "quantized_layers": rules.list_of(rules.matching(re.compile(r"[\w/]{1,200}"))),
    "weights": [
        {
            "file": rules.matching(WEIGHTS_FILE),
            "sha256": rules.matching(_SHA256),
            "dtype": rules.choice("float32", "float16"),
            "kind": rules.choice("raw", "ema"),
        }
    ],
}


ARCHITECTURE = _SCHEMA["architecture"]
# What an architecture of an earlier format is.
FIRST_METHOD = {
    "motion": "addition",
    "epsilon": 1e-6,
    "qk_norm": False,
    "path_dropout": 0.0,
    "pixel_activation": "tanh",
    "conditional_encoder": True,
    "angle_condition": None,
    "angle_condition_degrees": 90.0,
    "pretrained_encoder": None,
    "has_encoder": True,
    **OPTIONAL,
}


def needed_version(architecture, has_refiner):
    """The first format that can say what a preset holds.

    Args:
        architecture: Dict of the keys that are written.
        has_refiner: Boolean.
    """
    if any(key in architecture for key in OPTIONAL):
        return FORMAT_VERSION
    return FORMAT_WITH_REFINER if has_refiner else FORMAT_WITHOUT_REFINER


def schema(motion):
    """The rules of a configuration whose architecture has a motion."""
    recipe = {**RECIPE, "losses": [LOSSES[motion]]}
    return {**_SCHEMA, **_OF_MOTION[motion], "recipe": recipe}


def check_config(config, origin):
    """Checks a preset's configuration against `schema`.

    Args:
        config: What the JSON file holds.
        origin: String or path. The file, for the message.

    Returns:
        `config`; what an earlier format does not have is filled in.

    Raises:
        ValueError: If the format is newer, a key is missing or unknown, or a value
            is of the wrong type or out of range.
    """
    version = config.get("format_version") if isinstance(config, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ValueError(
            f"{origin} was written by a newer keras_sphere: upgrade it. Received: "
            f"format_version={version}, known up to {FORMAT_VERSION}"
        )
    config = _completed(config)
    architecture = config.get("architecture") if isinstance(config, dict) else None
    motion = architecture.get("motion") if isinstance(architecture, dict) else None
    known = isinstance(motion, str) and motion in MOTIONS
    rules.check(config, schema(motion if known else MOTIONS[0]), origin, "the file")
    names, count = (config["architecture"][k] for k in ("class_names", "num_classes"))
    if names is not None and len(names) != count:
        raise ValueError(
            f"{origin}: `class_names` must hold one name for each of the {count} "
            f"classes. Received: {len(names)} names"
        )
    return config


def _completed(config):
    """A configuration with what earlier formats do not have."""
    if not isinstance(config, dict) or not isinstance(config.get("architecture"), dict):
        return config
    architecture = {"class_names": None, **FIRST_METHOD, **config["architecture"]}
    absent = {"quantized_layers": [], "refiner": None}
    config = {**absent, **config, "architecture": architecture}
    recipe = config.get("recipe")
    if isinstance(recipe, dict):
        config["recipe"] = recipe = {**FIRST_RECIPE, **recipe}
        if isinstance(recipe["score_matching"], dict):
            recipe["score_matching"] = {"augment": False, **recipe["score_matching"]}
        if isinstance(recipe.get("losses"), dict):
            optional = {"latent_uniformity": None}
            if architecture["motion"] == "rotation":
                optional.update(dict.fromkeys(OPTIONAL_OF_ROTATION))
            recipe["losses"] = {**optional, **recipe["losses"]}
    return config


def check_architecture(architecture, origin):
    """Checks an architecture that comes from elsewhere, before anything is built.

    Args:
        architecture: Dict of arguments of `SphereEncoderBackbone`; those that have
            defaults may be missing.
        origin: String or path. The file, for the message.

    Raises:
        ValueError: If a value is of the wrong type or out of range.
    """
    for key, value in architecture.items():
        rules.check(value, ARCHITECTURE[key], origin, f"`{key}`")
