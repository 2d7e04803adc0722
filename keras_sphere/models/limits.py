"""Refusal of absurd architectures, before any memory is asked for."""

from keras_sphere.models.sizes import resolve_size
from keras_sphere.preset_files.schema import FIRST_METHOD

MOST_PARAMETERS = 10**10


def fewest_parameters(architecture):
    """A lower bound of a backbone's parameters: its matrices, without the small rest.

    Args:
        architecture: Dict of arguments of `SphereEncoderBackbone`; those of Sphere
            Encoder 2 alone may be missing.

    Returns:
        Integer.
    """
    a, total = {**FIRST_METHOD, **architecture}, 0
    num_tokens = (a["image_size"] // a["patch_size"]) ** 2
    pixels = a["patch_size"] ** 2 * a["num_channels"]
    halves = {"encoder": a["token_channels"], "decoder": None}
    if a.get("pretrained_encoder") is not None or not a.get("has_encoder", True):
        del halves["encoder"]
    for half, mixed in halves.items():
        size = resolve_size(f"{half}_size", a[f"{half}_size"])
        width = size["hidden_dim"]
        mixed = width if mixed is None else mixed
        told = a["num_classes"] + a.get("condition_dim", 0)
        is_told = told and (half == "decoder" or a.get("conditional_encoder", True))
        per_layer = (18 if is_told else 12) * width**2
        rows = num_tokens + (told if is_told else 0) + a["token_channels"]
        total += size["num_layers"] * per_layer + width * rows
        total += a[f"{half}_mixer_depth"] * 2 * (num_tokens**2 + 2 * mixed**2)
        if size["in_context_start"] < size["num_layers"]:
            total += a["num_in_context_tokens"] * width
        if half == "encoder" or a["pixel_head"] != "conv":
            total += pixels * width
    return total


def check_parameters(architecture, stated=MOST_PARAMETERS):
    """Raises a `ValueError` if an architecture is larger than stated, or absurd.

    Args:
        architecture: Dict of arguments of `SphereEncoderBackbone`.
        stated: Integer. How many parameters it is said to have.
    """
    fewest, most = fewest_parameters(architecture), min(stated, MOST_PARAMETERS)
    if fewest > most:
        raise ValueError(
            f"The architecture of a preset must have at most {most:,} parameters, as "
            "stated in its configuration and what is sensible at all. Received: "
            f"at least {fewest:,} parameters by {architecture}"
        )
