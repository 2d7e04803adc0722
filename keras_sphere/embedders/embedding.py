"""Any callable from texts to vectors: its name, and what it returns, checked."""

import re
from collections.abc import Sequence

import numpy as np

from keras_sphere.embedders.hashing import HashingEmbedder
from keras_sphere.typing import Array, Embed

LONGEST_NAME = 200
MOST_CHANNELS = 2**16
_HASHING = re.compile(r"hashing_([1-9]\d{0,4})")
_IN_ONE_CALL = 256


class Embedder:
    """A callable from a list of strings to an array, and its name.

    Args:
        function: Callable. `None` for one that is known by name only.
        name: String.
    """

    def __init__(self, function: Embed | None, name: str) -> None:
        self.function = function
        self.name = name


def find_embedder(embed: str | Embed | Embedder) -> Embedder:
    """An `Embedder` from what a user gave.

    Args:
        embed: The name of one that ships, such as `"hashing_256"`; or a callable, whose
            name is its attribute `name`, or where its code is.

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(embed, Embedder):
        return embed
    if isinstance(embed, str):
        found = _shipped(embed)
        if found is None:
            raise ValueError(
                "`embed` given as a name must be that of an embedder that ships: "
                "'hashing_256', or another number of channels, 2 to "
                f"{MOST_CHANNELS}. Received: embed={embed!r}"
            )
        return Embedder(found, embed)
    if not callable(embed):
        raise ValueError(
            "`embed` must be a callable from a list of strings to an array, or the "
            f"name of one that ships, such as 'hashing_256'. Received: embed={embed!r}"
        )
    return Embedder(embed, _name_of(embed))


def known_embedder(name):
    """An `Embedder` by the name that a preset states; its function may be unknown."""
    return Embedder(_shipped(name), name)


def embed_texts(
    embedder: Embedder,
    texts: Sequence[str],
    dim: int | None = None,
    argument: str = "embed",
) -> Array:
    """The vectors of texts, checked.

    Args:
        embedder: `Embedder` with a function.
        texts: List of strings.
        dim: Integer or `None`. How long the vectors must be, if that is known.
        argument: String. What the function is called, for messages.

    Returns:
        float32 array of shape `(len(texts), dim)`.

    Raises:
        ValueError: If there is not one finite vector for each text, or they are of
            another length.
    """
    if embedder.function is None:
        raise ValueError(
            f"`{argument}` must have a function. Received: {embedder.name!r}, of which "
            "the name alone is known"
        )
    chunks = []
    for start in range(0, len(texts), _IN_ONE_CALL):
        some = list(texts[start : start + _IN_ONE_CALL])
        vectors = np.asarray(embedder.function(some))
        if vectors.ndim != 2 or len(vectors) != len(some) or vectors.dtype.kind != "f":
            raise ValueError(
                f"`{argument}` must return floats of shape ({len(some)}, channels), "
                f"one vector for each text. Received: shape {vectors.shape} of "
                f"{vectors.dtype} from {embedder.name}"
            )
        dim = vectors.shape[1] if dim is None else dim
        if vectors.shape[1] != dim:
            raise ValueError(
                f"`{argument}` must return vectors of {dim} channels. Received: "
                f"{vectors.shape[1]} channels from {embedder.name}"
            )
        bad = np.flatnonzero(~np.all(np.isfinite(vectors), axis=1))
        if len(bad):
            raise ValueError(
                f"`{argument}` must return finite numbers. Received: NaN or infinity "
                f"from {embedder.name} for {len(bad)} texts, the first of them "
                f"{some[bad[0]][:LONGEST_NAME]!r}"
            )
        chunks.append(vectors.astype("float32"))
    return np.concatenate(chunks)


def _shipped(name):
    match = _HASHING.fullmatch(name)
    return HashingEmbedder(int(match[1])) if match and int(match[1]) > 1 else None


def _name_of(function):
    own = getattr(function, "name", None)
    if not isinstance(own, str) or not own:
        kind = function if hasattr(function, "__qualname__") else type(function)
        own = f"{kind.__module__}.{kind.__qualname__}"
    return own[:LONGEST_NAME]
