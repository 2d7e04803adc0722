"""Names near to what was typed."""

import pytest

from keras_sphere.nearest import by_likeness, likeness

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize(
    ("name", "names", "nearest"),
    [
        ("vary", ["generate", "variations", "walk"], "variations"),
        ("gen", ["again", "generate", "evaluate"], "generate"),
        ("DIGITS", ["cifar10", "digits16"], "digits16"),
        ("dgits", ["cifar10", "digits16"], "digits16"),
        ("in", ["inpaint", "walk", "again"], "inpaint"),
    ],
)
def test_a_start_counts_as_letters_do(name, names, nearest):
    assert by_likeness(name, names)[0] == nearest
    assert likeness(name, nearest) > 0.6


def test_one_letter_is_no_start():
    assert likeness("w", "walk") < 0.6
    assert likeness("same", "same") == 1.0
    assert likeness("", "walk") == 0.0
    assert by_likeness("xyz", ["b", "a"]) == ["b", "a"]
