"""An architecture: the arguments of a backbone, and the pieces that they choose.

The networks of both methods are made here, each part by an argument of its own; what
else belongs to a method is in `methods`.
"""

import functools
import math
import types

from keras_sphere import choices
from keras_sphere.models.decoder import Decoder
from keras_sphere.models.dinov3 import DINOv3Encoder
from keras_sphere.models.encoder import Encoder
from keras_sphere.models.sizes import resolve_size
from keras_sphere.motions import MOTIONS
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_boolean,
    read_integer,
    read_positive,
    read_share,
)


def new_networks(dtype, arguments):
    """Encoder and decoder of a backbone, from its arguments."""
    given = types.SimpleNamespace(**arguments)
    shared = {
        "grid_size": given.image_size // given.patch_size,
        "num_in_context_tokens": given.num_in_context_tokens,
        "label_dropout": given.label_dropout,
        "rematerialize_every": given.rematerialize_every,
        "epsilon": given.epsilon,
        "qk_norm": given.qk_norm,
        "path_dropout": given.path_dropout,
        "wide_residuals": given.motion == "rotation",
        "position_grid": given.position_grid,
    }
    told = {"num_classes": given.num_classes, "condition_dim": given.condition_dim}
    encoder = _new_encoder(dtype, given, shared, told) if given.has_encoder else None
    decoder = Decoder(
        given.patch_size,
        given.num_channels,
        {
            **resolve_size("decoder_size", given.decoder_size),
            **shared,
            **told,
            "spherify_blocks": given.spherify_decoder_blocks,
            "angle_condition": given.angle_condition,
            "max_angle_degrees": given.angle_condition_degrees,
        },
        pixel_head=given.pixel_head,
        mixer_depth=given.decoder_mixer_depth,
        mixer_affine=given.mixer_affine,
        activation=given.pixel_activation,
        embedding_stddev=_embedding_stddev(given),
        dtype=dtype,
        name="decoder",
    )
    return encoder, decoder


def _new_encoder(dtype, given, shared, told):
    if given.pretrained_encoder is not None:
        return DINOv3Encoder(
            **_pretrained_arguments(given.pretrained_encoder),
            grid_size=shared["grid_size"],
            dtype=dtype,
            name="encoder",
        )
    return Encoder(
        given.patch_size,
        given.token_channels,
        {
            **resolve_size("encoder_size", given.encoder_size),
            **shared,
            **(told if given.conditional_encoder else {}),
        },
        mixer_depth=given.encoder_mixer_depth,
        mixer_affine=given.mixer_affine,
        dtype=dtype,
        name="encoder",
    )


def _pretrained_arguments(pretrained):
    return {} if isinstance(pretrained, str) else pretrained


def new_motion(arguments):
    """How noise moves the latents of a backbone, from its arguments."""
    motion = MOTIONS[arguments["motion"]]
    return motion(arguments["spherify_per_token"], arguments["epsilon"])


def _embedding_stddev(given):
    """The decoder's first layer keeps the scale of its inputs, or does not."""
    return 1.0 if given.motion == "addition" else 1.0 / math.sqrt(given.token_channels)


def read_architecture(arguments):
    """The arguments as plain Python values; raises a `ValueError` if one is wrong."""
    arguments = dict(arguments)
    for name, read in _READERS.items():
        arguments[name] = read(name, arguments[name])
    _check_pretrained(arguments)
    for name, known in _CHOICES.items():
        check_choice(name, arguments[name], known)
    image_size, patch_size = arguments["image_size"], arguments["patch_size"]
    if image_size % patch_size:
        raise ValueError(
            "`patch_size` must divide `image_size`. Received: "
            f"image_size={image_size}, patch_size={patch_size}"
        )
    if arguments["angle_condition"] and arguments["motion"] != "rotation":
        raise ValueError(
            '`angle_condition` must be None unless `motion` is "rotation". Received: '
            f"angle_condition={arguments['angle_condition']!r}, "
            f"motion={arguments['motion']!r}"
        )
    if arguments["pixel_head"] == "conv" and image_size // patch_size < 2:
        raise ValueError(
            "The conv pixel head needs at least 2 x 2 tokens, to reflect at their "
            f"edges. Received: image_size={image_size}, patch_size={patch_size}"
        )
    return arguments


def _check_pretrained(arguments):
    """Raises a `ValueError` unless the latents are those of the pretrained encoder."""
    pretrained = arguments["pretrained_encoder"]
    if isinstance(pretrained, str):
        check_choice("pretrained_encoder", pretrained, choices.PRETRAINED_ENCODERS)
    if pretrained is None:
        return
    encoder = DINOv3Encoder(**_pretrained_arguments(pretrained))
    channels = encoder.token_channels or encoder.hidden_dim
    if arguments["token_channels"] != channels:
        raise ValueError(
            f"`token_channels` must be {channels}, those of the pretrained encoder. "
            f"Received: token_channels={arguments['token_channels']}, "
            f"pretrained_encoder={pretrained!r}"
        )


def _read_count(name, value):
    return read_integer(name, value, least=0)


def _read_size(name, size):
    """A size as it was given, of plain integers."""
    numbers = resolve_size(name, size)
    return {key: numbers[key] for key in size} if isinstance(size, dict) else size


_READERS = {
    **dict.fromkeys(
        ("image_size", "patch_size", "token_channels", "num_channels"), read_integer
    ),
    **dict.fromkeys(
        (
            "num_classes",
            "condition_dim",
            "encoder_mixer_depth",
            "decoder_mixer_depth",
            "num_in_context_tokens",
        ),
        _read_count,
    ),
    **dict.fromkeys(("encoder_size", "decoder_size"), _read_size),
    **dict.fromkeys(
        (
            "mixer_affine",
            "spherify_decoder_blocks",
            "spherify_per_token",
            "qk_norm",
            "conditional_encoder",
            "has_encoder",
        ),
        read_boolean,
    ),
    **dict.fromkeys(("label_dropout", "path_dropout"), read_share),
    **dict.fromkeys(("epsilon", "angle_condition_degrees"), read_positive),
    "position_grid": functools.partial(if_given, read_integer),
    "rematerialize_every": functools.partial(if_given, read_integer),
}

_CHOICES = {
    "pixel_head": choices.PIXEL_HEADS,
    "pixel_activation": choices.PIXEL_ACTIVATIONS,
    "motion": choices.MOTIONS,
    "angle_condition": (None, *choices.ANGLE_CONDITIONS),
}
