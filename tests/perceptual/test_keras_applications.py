"""The weights of `keras.applications` under our names, and their absence offline."""

import urllib.request

import keras
import numpy as np
import pytest

from keras_sphere import perceptual
from keras_sphere.perceptual import LPIPS, ConvNeXtLogits
from keras_sphere.perceptual.keras_applications import (
    HEAD_MEANS,
    convnext_weights,
    vgg16_weights,
)
from tests.testing import to_numpy

IMAGES = np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    """Keras' VGG16 with random weights, and a file of them."""
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(weights=None, include_top=False)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.bias.assign(np.linspace(-0.5, 0.5, layer.filters))
    path = tmp_path_factory.mktemp("vgg16") / "vgg16.weights.h5"
    model.save_weights(path)
    return model, path


class KerasLPIPS(LPIPS):
    """LPIPS with Keras' VGG16 from a local file instead of a download."""

    path = None

    def keras_weights(self):
        return vgg16_weights(self.path)


def test_vgg16_gives_the_activations_of_keras(vgg16):
    model, path = vgg16
    KerasLPIPS.path = path
    network = KerasLPIPS(source="keras_applications")
    taps = [f"block{b}_conv{c}" for b, c in enumerate((2, 2, 3, 3, 3), 1)]
    taps = keras.Model(model.input, [model.get_layer(name).output for name in taps])
    pixels = keras.applications.vgg16.preprocess_input(IMAGES * 255.0)
    maps = network(keras.ops.convert_to_tensor(IMAGES))
    for a, b, mean in zip(maps, taps(pixels), HEAD_MEANS, strict=True):
        b = to_numpy(b)
        b = b / np.sqrt(np.square(b).sum(-1, keepdims=True) + 1e-10)
        expected = b * np.sqrt(mean * b.shape[-1])
        np.testing.assert_allclose(to_numpy(a), expected, atol=1e-4)


@pytest.mark.slow
def test_convnext_gives_the_logits_of_keras(tmp_path):
    """At its real size, 224 px and 1000 classes."""
    model = keras.applications.ConvNeXtSmall(weights=None, classifier_activation=None)
    generator = np.random.default_rng(0)
    for variable in model.weights:
        name = variable.path.rpartition("/")[2]
        if "layer_scale" in variable.path or name in ("gamma", "beta", "bias"):
            noise = generator.normal(size=variable.shape)
            variable.assign(to_numpy(variable) + 0.2 * noise)
    model.save_weights(tmp_path / "some.weights.h5")
    weights = convnext_weights(str(tmp_path / "some.weights.h5"))
    network = ConvNeXtLogits(source=None)
    network.build((None, 224, 224, 3))
    assert {n: w.shape for n, w in weights.items()} == network.weight_shapes()
    for name, variable in network.arrays.items():
        variable.assign(weights[name])
    assert network.count_params() == 50_223_688  # as torchvision states it
    images = generator.uniform(size=(1, 224, 224, 3)).astype("float32")
    (logits,) = network(keras.ops.convert_to_tensor(images))
    expected = to_numpy(model(images * 255.0))
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(to_numpy(logits), expected, atol=1e-3 * np.ptp(expected))


def test_settings_of_the_user_stay(vgg16):
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        weights = vgg16_weights(vgg16[1])
        assert keras.config.image_data_format() == "channels_first"
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_dtype_policy("float32")
    assert set(weights) == set(LPIPS().weight_shapes())


def test_offline_is_one_clear_error(monkeypatch):
    """A proxy that is not there stands for no network."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    urllib.request.install_opener(None)
    network = perceptual.load("keras_applications")
    with pytest.raises(FileNotFoundError) as caught:
        network.build((None, 32, 32, 3))
    urllib.request.install_opener(None)
    for part in ("keras.applications.VGG16", "KERAS_HOME", "--perceptual=gradient"):
        assert part in str(caught.value)
    assert "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5" in str(caught.value)
