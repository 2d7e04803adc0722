"""What a preset's `config.json` may say: every key, its type and its range.

A configuration comes from a file that anybody may have written. It names no class and
no function; it holds numbers and choices, and what is not listed here is refused.
"""

import math
import numbers
import re
import reprlib

from keras_sphere.choices import (
    DISTANCES,
    GUIDANCE_POSITIONS,
    PERCEPTUAL_NETWORKS,
    SCHEDULES,
)
from keras_sphere.class_names import LONGEST_NAME

FORMAT_VERSION = 2  # 1 has neither `class_names` nor `quantized_layers`
WEIGHTS_FILE = re.compile(r"model(-[0-9a-f]{16})?\.weights\.h5")
_LARGEST_INTEGER = 2**20
_MOST_LAYERS = 4096
_PLAIN = (str, int, float, type(None))


def _integer(low, high=_LARGEST_INTEGER):
    def fits(value):
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and low <= value <= high
        )

    return f"an integer from {low} to {high}", fits


def _number(low, high=math.inf, inclusive=True):
    def fits(value):
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            return False
        return math.isfinite(value) and (
            low <= value <= high if inclusive else low < value < high
        )

    return f"a number from {low} to {high}", fits


def _choice(*choices):
    return (
        f"one of {choices}",
        lambda value: isinstance(value, str) and value in choices,
    )


def _text(length=10_000):
    return (
        f"text of at most {length} characters",
        lambda value: isinstance(value, str) and len(value) <= length,
    )


def _matching(pattern):
    return (
        f"text that matches {pattern.pattern!r}",
        lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None,
    )


def _optional(kind):
    expected, fits = kind
    return f"null or {expected}", lambda value: value is None or fits(value)


def _boolean():
    return "true or false", lambda value: isinstance(value, bool)


def _size():
    numbers_of_size = {
        "hidden_dim": _integer(1),
        "num_layers": _integer(1, _MOST_LAYERS),
        "num_heads": _integer(1),
        "in_context_start": _integer(0),
    }

    def fits(value):
        if isinstance(value, dict):
            return set(value) <= set(numbers_of_size) and all(
                numbers_of_size[key][1](number) for key, number in value.items()
            )
        return isinstance(value, str) and len(value) <= 20

    return (
        f"the name of a size, or an object of {list(numbers_of_size)} with at most "
        f"{_MOST_LAYERS} layers",
        fits,
    )


def _list_of(kind, entries=_LARGEST_INTEGER):
    expected, fits = kind
    return (
        f"a list of at most {entries} entries, each {expected}",
        lambda value: (
            isinstance(value, list) and len(value) <= entries and all(map(fits, value))
        ),
    )


def _plain_object(entries=100):
    """An object of texts, numbers and booleans: notes, on which no code acts."""

    def fits(value):
        return (
            isinstance(value, dict)
            and len(value) <= entries
            and all(
                isinstance(v, (str, int, float, type(None))) for v in value.values()
            )
        )

    return "an object of texts, numbers, booleans and nulls", fits


_NAME = _matching(re.compile(f"(?s).{{1,{LONGEST_NAME}}}"))
_ANGLE = _number(0.0, 90.0, inclusive=False)
_PIXEL_LOSS = {
    "weight": _number(0.0),
    "distance": _choice(*DISTANCES),
    "distance_weight": _number(0.0),
    "perceptual_weight": _number(0.0),
    "feature_distance": _choice(*DISTANCES),
}
_SHARE = _number(0.0, 1.0)

# A dict is an object with exactly these keys; a pair is what is expected, in words,
# and the test of it; a dict in a list may also be null.
SCHEMA = {
    "format_version": _integer(1),
    "name": _text(200),
    "description": _text(),
    "license": _text(200),
    "parameters": _integer(1, 2**53),
    "architecture": {
        "image_size": _integer(1),
        "patch_size": _integer(1),
        "token_channels": _integer(1),
        "num_channels": _integer(1),
        "num_classes": _integer(0),
        "encoder_size": _size(),
        "decoder_size": _size(),
        "pixel_head": _choice("linear", "conv"),
        "encoder_mixer_depth": _integer(0, _MOST_LAYERS),
        "decoder_mixer_depth": _integer(0, _MOST_LAYERS),
        "mixer_affine": _boolean(),
        "num_in_context_tokens": _integer(0),
        "spherify_decoder_blocks": _boolean(),
        "spherify_per_token": _boolean(),
        "label_dropout": _SHARE,
        "class_names": _optional(_list_of(_NAME)),
    },
    "noise": {
        "max_angle_degrees": _ANGLE,
        "hard_case_probability": _SHARE,
        "hard_case_max_angle_degrees": _ANGLE,
        "hard_case_band": _choice("narrow", "full"),
    },
    "sampling": {
        "steps": _integer(1),
        "guidance_scale": _number(0.0),
        "guidance_position": _choice(*GUIDANCE_POSITIONS),
        "schedule": _choice(*SCHEDULES),
        "shared_noise": _boolean(),
        "max_angle_degrees": _optional(_ANGLE),
        "use_ema": _boolean(),
    },
    "recipe": {
        "perceptual": _optional(_choice("gradient", *PERCEPTUAL_NETWORKS)),
        "losses": [
            {
                "pixel_reconstruction": _PIXEL_LOSS,
                "pixel_consistency": _PIXEL_LOSS,
                "latent_consistency": {"weight": _number(0.0)},
                "latent_uniformity": [
                    {
                        "weight": _number(0.0),
                        "num_projections": _integer(1),
                        "per_class": _boolean(),
                    }
                ],
            }
        ],
        "optimizer": [
            {
                "learning_rate": _number(0.0),
                "beta_1": _SHARE,
                "beta_2": _SHARE,
                "epsilon": _number(0.0),
                "weight_decay": _number(0.0),
                "encoder_learning_rate_factor": _number(0.0),
                "global_clipnorm": _optional(_number(0.0)),
                "use_ema": _boolean(),
                "ema_momentum": _SHARE,
            }
        ],
        "training": _plain_object(),
    },
    "quantized_layers": _list_of(_matching(re.compile(r"[\w/]{1,200}"))),
    "weights": [
        {
            "file": _matching(WEIGHTS_FILE),
            "sha256": _matching(re.compile("[0-9a-f]{64}")),
            "dtype": _choice("float32", "float16"),
            "kind": _choice("raw", "ema"),
        }
    ],
}


def check_config(config, origin):
    """Checks a preset's configuration against `SCHEMA`.

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
    _check(config, SCHEMA, origin, "the file")
    names, count = (config["architecture"][k] for k in ("class_names", "num_classes"))
    if names is not None and len(names) != count:
        raise ValueError(
            f"{origin}: `class_names` must hold one name for each of the {count} "
            f"classes. Received: {len(names)} names"
        )
    return config


def _completed(config):
    """A configuration with what format 1 does not have, and format 2 may leave out."""
    if not isinstance(config, dict) or not isinstance(config.get("architecture"), dict):
        return config
    architecture = {"class_names": None, **config["architecture"]}
    config = {"quantized_layers": [], **config, "architecture": architecture}
    recipe = config.get("recipe")
    if isinstance(recipe, dict) and isinstance(recipe.get("losses"), dict):
        losses = {**recipe["losses"]}
        losses.setdefault("latent_uniformity", None)
        config["recipe"] = {**recipe, "losses": losses}
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
        _check(value, SCHEMA["architecture"][key], origin, f"`{key}`")


def _check(value, rule, origin, place):
    if isinstance(rule, tuple):
        expected, fits = rule
        if not fits(value):
            raise ValueError(
                f"{origin}: {place} must be {expected}. Received: {reprlib.repr(value)}"
            )
        return
    if isinstance(rule, list):
        if value is None:
            return
        rule = rule[0]
    if not isinstance(value, dict) or set(value) != set(rule):
        keys = sorted(value) if isinstance(value, dict) else value
        raise ValueError(
            f"{origin}: {place} must be an object of the keys {sorted(rule)}. "
            f"Received: {reprlib.repr(keys)}"
        )
    for key, inner in rule.items():
        _check(value[key], inner, origin, f"`{key}`")
