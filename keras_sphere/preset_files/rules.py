"""Rules of a configuration's values: what is expected, in words, and the test of it.

Each function returns such a pair.
"""

import math
import numbers
import reprlib

from keras_sphere.choices import PRETRAINED_ENCODERS

_LARGEST_INTEGER = 2**20
MOST_LAYERS = 4096


def integer(low, high=_LARGEST_INTEGER):
    def fits(value):
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and low <= value <= high
        )

    return f"an integer from {low} to {high}", fits


def number(low, high=math.inf, inclusive=True):
    def fits(value):
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            return False
        return math.isfinite(value) and (
            low <= value <= high if inclusive else low < value < high
        )

    return f"a number from {low} to {high}", fits


def choice(*choices):
    return (
        f"one of {choices}",
        lambda value: isinstance(value, str) and value in choices,
    )


def text(length=10_000):
    return (
        f"text of at most {length} characters",
        lambda value: isinstance(value, str) and len(value) <= length,
    )


def matching(pattern):
    return (
        f"text that matches {pattern.pattern!r}",
        lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None,
    )


def optional(kind):
    expected, fits = kind
    return f"null or {expected}", lambda value: value is None or fits(value)


def boolean():
    return "true or false", lambda value: isinstance(value, bool)


def size():
    numbers_of_size = {
        "hidden_dim": integer(1),
        "num_layers": integer(1, MOST_LAYERS),
        "num_heads": integer(1),
        "in_context_start": integer(0),
    }

    def fits(value):
        if isinstance(value, dict):
            return set(value) <= set(numbers_of_size) and all(
                numbers_of_size[key][1](number) for key, number in value.items()
            )
        return isinstance(value, str) and len(value) <= 20

    return (
        f"the name of a size, or an object of {list(numbers_of_size)} with at most "
        f"{MOST_LAYERS} layers",
        fits,
    )


def pretrained_encoder():
    """The name of a pretrained encoder, its numbers, or null."""
    known = {
        **dict.fromkeys(
            ("hidden_dim", "num_heads", "patch_size", "mlp_dim", "input_size"),
            integer(1),
        ),
        "num_layers": integer(1, MOST_LAYERS),
        "num_register_tokens": integer(0),
        "token_channels": optional(integer(1)),
        "gated_mlp": boolean(),
        "rope_theta": number(0.0, inclusive=False),
        "epsilon": number(0.0, 1.0, inclusive=False),
        "interpolate": text(20),
    }

    def fits(value):
        if isinstance(value, dict):
            return set(value) <= set(known) and all(
                known[key][1](entry) for key, entry in value.items()
            )
        return value is None or value in PRETRAINED_ENCODERS

    return f"null, one of {PRETRAINED_ENCODERS}, or an object of {list(known)}", fits


def list_of(kind, entries=_LARGEST_INTEGER):
    expected, fits = kind
    return (
        f"a list of at most {entries} entries, each {expected}",
        lambda value: (
            isinstance(value, list) and len(value) <= entries and all(map(fits, value))
        ),
    )


def plain_object(entries=100):
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


def check(value, rule, origin, place):
    """Raises a `ValueError` if a value breaks a rule.

    Args:
        value: What the file holds.
        rule: A pair of this module; a dict, for an object with exactly its keys; or a
            list of such dicts, of which it is one or null.
        origin: String or path. The file, for the message.
        place: String. Where in it.
    """
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
        fitting = (r for r in rule if isinstance(value, dict) and set(value) == set(r))
        rule = next(fitting, rule[0])
    if not isinstance(value, dict) or set(value) != set(rule):
        keys = sorted(value) if isinstance(value, dict) else value
        raise ValueError(
            f"{origin}: {place} must be an object of the keys {sorted(rule)}. "
            f"Received: {reprlib.repr(keys)}"
        )
    for key, inner in rule.items():
        check(value[key], inner, origin, f"`{key}`")
