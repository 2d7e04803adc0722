"""The six sizes of the paper's transformers."""

from keras_sphere.validation import read_integer

_KEYS = ("hidden_dim", "num_layers", "num_heads", "in_context_start")

SIZES = {
    name: dict(zip(_KEYS, values, strict=True))
    for name, values in {
        "small": (512, 8, 8, 2),
        "base": (768, 12, 12, 4),
        "large": (1024, 24, 16, 8),
        "xlarge": (1152, 28, 16, 8),
        "huge": (1280, 32, 16, 10),
        "giant": (1664, 40, 16, 12),
    }.items()
}


def resolve_size(name, size):
    """Turns a size, a name or numbers, into numbers.

    Args:
        name: String. The argument's name, for errors.
        size: A key of `SIZES`, or a dict of `hidden_dim`, `num_layers`, `num_heads`
            and optionally `in_context_start`.

    Returns:
        Dict of the four integers.

    Raises:
        ValueError: If the size is unknown, or a number is missing or impossible.
    """
    if isinstance(size, str) and size in SIZES:
        return dict(SIZES[size])
    if not isinstance(size, dict) or not set(_KEYS[:3]) <= set(size) <= set(_KEYS):
        raise ValueError(
            f"`{name}` must be one of {list(SIZES)}, or a dict of "
            f"{list(_KEYS[:3])} and optionally {_KEYS[3]!r}. Received: {name}={size!r}"
        )
    size = {
        key: read_integer(f"{name}[{key!r}]", value, least=int(key in _KEYS[:3]))
        for key, value in size.items()
    }
    if size["hidden_dim"] % (4 * size["num_heads"]):
        raise ValueError(
            f"`{name}`: `hidden_dim` must be a multiple of 4 `num_heads`, for the "
            f"rotary positions. Received: {name}={size!r}"
        )
    return {"in_context_start": 0, **size}
