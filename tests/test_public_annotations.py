"""Public functions say the types of what they take and return."""

import pytest

from tests.public_annotations import all_without_types, without_types

pytestmark = pytest.mark.any_backend

MODULES = {
    "keras_sphere.a": "from keras_sphere.a.b import Layer, Plain, f as g\n",
    "keras_sphere.a.b": """
import keras
from keras_sphere.a.c import Mixin
def f(x, *more: int, y=1) -> int: ...
class Layer(Mixin, keras.layers.Layer):
    def __init__(self, units: int) -> None: ...
    def call(self, inputs): ...
    def on_epoch_end(self, logs): ...
    def _hidden(self, x): ...
    @property
    def width(self): ...
class Plain:
    def call(self, x) -> None: ...
""",
    "keras_sphere.a.c": "class Mixin:\n    def move(self, by): ...\n",
}


def test_all_have_types():
    assert all_without_types() == []


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("g", ["keras_sphere.a.b:4: g: no type of x, y"]),
        (
            "Layer",
            [
                "keras_sphere.a.c:2: Layer.move: no type of by, the result",
                "keras_sphere.a.b:11: Layer.width: no type of the result",
            ],
        ),
        ("Plain", ["keras_sphere.a.b:13: Plain.call: no type of x"]),
        ("missing", []),
    ],
)
def test_the_check_finds(name, problems):
    found = without_types("keras_sphere.a", name, MODULES.__getitem__)
    assert sorted(found) == sorted(problems)
