"""Layers of KerasCV, which TensorFlow computes, augment images on every backend."""

import importlib.util
import json

import keras
import numpy as np
import pytest

from keras_sphere import data
from keras_sphere.data.augmentation import Augmentation, record

if importlib.util.find_spec("keras_cv") is None:
    pytest.skip("needs KerasCV: see the Makefile", allow_module_level=True)

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), "uint8")

new_layers = {
    "flip": lambda cv: cv.RandomFlip("horizontal"),
    "own seed": lambda cv: cv.RandomBrightness(0.5, value_range=(0, 255), seed=3),
    "cutout": lambda cv: cv.RandomCutout((0.1, 0.6), (0.1, 0.6)),
    "with Keras": lambda cv: keras.layers.Pipeline(
        [cv.RandomShear(0.3, 0.3), keras.layers.RandomBrightness(0.3)]
    ),
}


@pytest.fixture(params=new_layers)
def new_layer(request):
    import keras_cv

    return lambda: new_layers[request.param](keras_cv.layers)


def test_seeds_decide_what_layers_do(new_layer, caplog):
    first, second = Augmentation(new_layer()), Augmentation([new_layer()])
    first.check(IMAGES.shape)
    second.check((4, 8, 8, 3))
    assert caplog.text == ""
    changed = [first(IMAGES, np.random.default_rng(seed)) for seed in (0, 1, 0)]
    assert changed[0].shape == IMAGES.shape
    assert (changed[0] != IMAGES).any()
    assert (changed[0] != changed[1]).any()
    np.testing.assert_array_equal(changed[0], changed[2])
    again = second(IMAGES, np.random.default_rng(1))
    np.testing.assert_array_equal(changed[1], again)


def test_a_dataset_starts_anywhere(new_layer):
    def load(**options):
        options = {"image_size": 8, "batch_size": 4, "num_images": 12, **options}
        return data.load("fake", augment=new_layer(), **options).starting_at

    batches = load()()
    expected = [next(batches)[0] for _ in range(5)]
    np.testing.assert_array_equal(next(load()(1, 1))[0], expected[4])
    assert (next(load(seed=1)())[0] != expected[0]).any()


def test_records(new_layer):
    first, second = record(new_layer()), record(new_layer())
    assert json.loads(json.dumps(first)) == json.loads(json.dumps(second))


def test_other_pixels_are_refused():
    import keras_cv

    layer = keras_cv.layers.RandomBrightness(0.5, value_range=(0, 1))
    with pytest.raises(ValueError, match=r"RandomBrightness with value_range=\(0, 1\)"):
        Augmentation(["flip", layer])
