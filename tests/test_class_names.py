"""What names of classes may be, and which ids they stand for."""

import types

import numpy as np
import pytest

from keras_sphere import class_names as names_module
from keras_sphere.class_names import (
    check_same_names,
    class_ids,
    describe_classes,
    difference_of_names,
    read_class_names,
)

pytestmark = pytest.mark.any_backend

NAMES = ("7", "ant", "bee", "0", "crane", "crane")


def test_strings_are_names_and_integers_ids():
    for labels, expected in (
        ("7", 0),
        (7, 7),
        (["7", 7, "0", 0], [0, 7, 3, 0]),
        (("bee",), [2]),
        (np.array(["bee", "ant"]), [2, 1]),
        (np.array("bee"), 2),
        (np.array(["bee", 1], dtype=object), [2, 1]),
        ({"bee": 1.0, 1: 2.0, "7": 3}, {2: 1.0, 1: 2.0, 0: 3}),
        (None, None),
    ):
        assert class_ids(labels, NAMES) == expected
        ids = np.arange(3)
        assert class_ids(ids, NAMES) is ids


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (["bie"], NAMES, r"among the 6 of the model; .*'bee'.*labels='bie'"),
        ("crane", NAMES, r"Several .* give one of the ids 4, 5\. .*labels='crane'"),
        ({"bee": 1, 2: 1}, NAMES, r"each class once.*labels=\{'bee': 1, 2: 1\}"),
        ("bee", None, r"knows no names .*class_names = .*labels='bee'"),
    ],
)
def test_what_names_no_class(labels, names, message):
    with pytest.raises(ValueError, match=message):
        class_ids(labels, names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (5, "list or tuple of texts.*class_names=5"),
        ("ab", "list or tuple of texts.*class_names='ab'"),
        (["a", 3], r"list or tuple of texts.*class_names=\['a', 3\]"),
        (["a", ""], "list or tuple of texts"),
        (["a", "b" * 1001], "1 to 1000 characters"),
        (["a"], "one name for each of the 2 classes. Received: 1 names"),
    ],
)
def test_bad_names(names, message):
    with pytest.raises(ValueError, match=message):
        read_class_names(names, 2)
    assert read_class_names(("a", np.str_("b")), 2) == ["a", "b"]
    assert read_class_names((), 0) is None


def test_what_differs():
    assert difference_of_names("ab", ["a", "b"]) is None
    assert difference_of_names("ab", "bc") == "no longer 'a'; new 'c'"
    assert difference_of_names("ab", "ba") == "the same names in another order"
    described = types.SimpleNamespace(
        description=types.SimpleNamespace(class_names=("b", "a"))
    )
    for data in (described, described.description):
        with pytest.raises(ValueError, match=r"`x` must have.*another order"):
            check_same_names("x", data, ("a", "b"))
        check_same_names("x", data, None)
    check_same_names("x", np.zeros(3), ("a", "b"))


def test_as_text():
    assert describe_classes(0, None) == "unconditional"
    assert describe_classes(3, None) == "3 classes"
    assert describe_classes(3, "abc", most=2) == "3 classes (a, b, ...)"
    assert names_module.short_name(1, ("a", "b" * 20)) == "b" * 16
    assert names_module.short_name(12, None) == "12"
