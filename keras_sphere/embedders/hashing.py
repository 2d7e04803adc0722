"""Texts to vectors by signed feature hashing: no weights, no packages, no training."""

import collections
import hashlib
import itertools
import re
from collections.abc import Sequence

import numpy as np

from keras_sphere.typing import Array
from keras_sphere.validation import read_integer

_WORD = re.compile(r"\w+")
_WIDTH_OF_NGRAMS = 3  # characters
_WEIGHT_OF_NGRAMS = 0.3  # by that of a word: alike words are near, not the same


class HashingEmbedder:
    """Texts to vectors that share what their texts share.

    Every word, every pair of neighbouring words and every three characters of a word is
    a feature, which adds its weight to one of `dim` channels with a sign, both by a
    checksum of the feature. Texts of the same words are near, whatever they mean: it
    knows no synonyms. It is deterministic, on every machine.

    Args:
        dim: Integer, at least 2. Length of a vector. Features collide less in more.

    Call arguments:
        texts: List of strings.

    Returns:
        float32 array of shape `(len(texts), dim)`: vectors of length 1, that of a text
        without words 0.

    Attributes:
        name: String, such as `"hashing_256"`, by which presets know it.

    Example:

    >>> embed = HashingEmbedder(256)
    >>> embed(["a small 7", "a large 7"]).shape
    (2, 256)
    """

    def __init__(self, dim: int = 256) -> None:
        self.dim = read_integer("dim", dim, least=2)
        self.name = f"hashing_{self.dim}"

    def __call__(self, texts: Sequence[str]) -> Array:
        vectors = np.zeros((len(texts), self.dim), "float64")
        for vector, text in zip(vectors, texts, strict=True):
            for feature, weight in _features(text).items():
                channel, sign = _place(feature, self.dim)
                vector[channel] += sign * weight
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(norms > 0, norms, 1.0)).astype("float32")

    def __repr__(self):
        return f"HashingEmbedder({self.dim})"


def _features(text):
    """Dict of feature -> weight."""
    words = _WORD.findall(text.casefold())
    found = collections.Counter(("word", word) for word in words)
    found.update(("pair", *pair) for pair in itertools.pairwise(words))
    for word in words:
        marked = f"<{word}>"
        for start in range(len(marked) - _WIDTH_OF_NGRAMS + 1):
            ngram = marked[start : start + _WIDTH_OF_NGRAMS]
            found["characters", ngram] += _WEIGHT_OF_NGRAMS
    return found


def _place(feature, dim):
    """The channel of a feature, and its sign."""
    digest = hashlib.sha256("\0".join(feature).encode()).digest()
    number = int.from_bytes(digest[:8], "little")
    return number // 2 % dim, 1.0 if number % 2 else -1.0
