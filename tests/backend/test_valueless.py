"""Variables without values, and Keras' wish to give them some."""

import keras
import pytest

from keras_sphere.backend.valueless import Valueless


@pytest.fixture
def new_layer():
    """Makes a layer; returns it and the shapes of what it has drawn so far."""

    def make():
        drawn = []

        def draw(shape, dtype=None):
            drawn.append(tuple(shape))
            return keras.ops.zeros(shape, dtype)

        layer = keras.layers.Dense(3, kernel_initializer=draw)
        layer.build((None, 2))
        return layer, drawn

    return make


def test_no_values_are_drawn_then_or_later(new_layer):
    with Valueless():
        layer, drawn = new_layer()
    assert layer.count_params() == 9
    with keras.StatelessScope():
        pass
    assert drawn == []


def test_variables_around_get_theirs(new_layer):
    with keras.StatelessScope():
        layer, drawn = new_layer()
        with Valueless():
            _, never = new_layer()
    assert (drawn, never) == ([(2, 3)], [])
    assert keras.ops.convert_to_numpy(layer.kernel).shape == (2, 3)
