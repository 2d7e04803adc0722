"""Texts to vectors, without weights."""

import numpy as np
import pytest

from keras_sphere.embedders import HashingEmbedder, embed_texts, find_embedder

pytestmark = pytest.mark.any_backend
FIRST = [0.370879, 0.259616, 0.259616, 0.0, -0.853023, 0.0]


def test_vectors_are_the_same_on_every_machine():
    """By SHA-256 of the features, worked out once: not by Python's own hash."""
    vectors = HashingEmbedder(6)(["a small 7", ""])
    assert vectors.dtype == "float32"
    np.testing.assert_allclose(vectors[0], FIRST, atol=1e-6)
    np.testing.assert_array_equal(vectors[1], 0.0)


def test_texts_that_share_words_are_near():
    embed = HashingEmbedder(512)
    vectors = embed(
        ["a small 7", "A SMALL 7!", "a small 8", "a large coat", "7 small a"]
    )
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    same, one_word, other, order = vectors[1:] @ vectors[0]
    assert same == pytest.approx(1.0)
    assert other < one_word < 0.99
    assert other < order < 0.99


def test_a_name_says_the_length():
    embedder = find_embedder("hashing_64")
    assert embedder.function(["a"]).shape == (1, 64)
    assert find_embedder(HashingEmbedder(64)).name == "hashing_64"
    assert find_embedder(len).name == "builtins.len"
    for bad in ("hashing_1", "hashing_0", "bert", 3):
        with pytest.raises(ValueError, match="embed="):
            find_embedder(bad)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda texts: np.full((len(texts), 4), np.nan), r"NaN .* first of them 'one'"),
        (lambda texts: np.zeros((1, 4)), r"shape \(2, channels\)"),
        (lambda texts: np.zeros((len(texts), 4), "int32"), "floats"),
        (lambda texts: np.zeros((len(texts), 5)), "vectors of 4 channels"),
    ],
)
def test_what_an_embedder_returns_is_checked(function, message):
    with pytest.raises(ValueError, match=message):
        embed_texts(find_embedder(function), ["one", "two"], dim=4)
