"""Encoder, decoder, backbone and model as layers of other Keras models."""

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from tests import tiny_models
from tests.testing import TestCase, to_numpy

IMAGES = tiny_models.new_images(4)
LABELS = tiny_models.new_labels(4).astype("int32")
POINTS = np.random.default_rng(0).standard_normal((4, *tiny_models.LATENT_SHAPE))
POINTS = POINTS.astype("float32")
BYTES = (127.5 * IMAGES + 127.5).astype("uint8")


def symbol(array):
    return keras.Input(array.shape[1:], dtype=array.dtype.name)


def rescaled(network):
    return lambda images: network(keras.layers.Rescaling(1 / 127.5, -1.0)(images))


def sphere_latents(backbone):
    return lambda *inputs: backbone.spherify(backbone.encode(*inputs))


def new_probe(backbone, trainable):
    """A linear classifier of what the encoder gives for images of bytes."""
    backbone.encoder.trainable = trainable
    image = keras.Input(IMAGES.shape[1:], name="image")
    pixels = keras.layers.Rescaling(1 / 127.5, -1.0)(image)
    latents = keras.layers.Flatten()(sphere_latents(backbone)(pixels))
    probe = keras.Model(image, keras.layers.Dense(3)(latents))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    jit_compile = "auto" if keras.backend.backend() == "jax" else False
    probe.compile(keras.optimizers.SGD(0.1), loss=loss, jit_compile=jit_compile)
    return probe


class NetworksAsLayersTest(TestCase):
    @parameterized.parameters(None, "mixed_bfloat16")
    def test_symbolic_outputs_are_like_eager_ones(self, dtype):
        model = tiny_models.new_model(dtype=dtype, perceptual="gradient")
        backbone = model.backbone
        for name, function, *inputs in (
            ("backbone", backbone, IMAGES),
            ("backbone, labels", backbone, IMAGES, LABELS),
            ("encoder", backbone.encoder, IMAGES),
            ("encoder, labels", backbone.encoder, IMAGES, LABELS),
            ("encoder, column of labels", backbone.encoder, IMAGES, LABELS[:, None]),
            ("encoder, class weights", backbone.encoder, IMAGES, np.eye(4, dtype="f4")),
            ("decoder", backbone.decoder, POINTS),
            ("decoder, labels", backbone.decoder, POINTS, LABELS),
            ("encode", backbone.encode, IMAGES, LABELS),
            ("decode", backbone.decode, POINTS, LABELS),
            ("spherify", sphere_latents(backbone), IMAGES),
            ("perturb", lambda a, b: backbone.perturb(a, b, 0.5), POINTS, POINTS[::-1]),
            ("behind Rescaling", rescaled(backbone.encoder), BYTES),
            ("model", model, IMAGES),
            ("model, bytes", model, BYTES),
            ("perceptual network", model.perceptual_network, IMAGES),
        ):
            symbols = [symbol(array) for array in inputs]
            outer = keras.Model(symbols, function(*symbols))
            tensors = [keras.ops.convert_to_tensor(array) for array in inputs]
            self._check_like(outer.outputs, function(*tensors), name)
            self.assertAllClose(outer(tensors), function(*tensors), 1e-2, msg=name)

    def _check_like(self, symbols, tensors, name):
        for known, x in zip(symbols, keras.tree.flatten(tensors), strict=True):
            self.assertEqual(tuple(known.shape), (None, *x.shape[1:]), name)
            self.assertEqual(known.dtype, keras.backend.standardize_dtype(x.dtype))

    def test_a_model_takes_a_dict_of_symbols(self):
        model = tiny_models.new_model()
        given = {"images": BYTES, "labels": LABELS}
        symbols = {
            name: keras.Input(array.shape[1:], dtype=array.dtype.name, name=name)
            for name, array in given.items()
        }
        outer = keras.Model(symbols, model(symbols))
        self.assertAllClose(outer(given), model(given), atol=1e-5)

    def test_labels_of_another_shape_are_refused(self):
        backbone = tiny_models.new_model().backbone
        with self.assertRaisesRegex(ValueError, r"labels.*Received: .*\(4, 2\)"):
            backbone.encode(IMAGES, np.zeros((4, 2), "int32"))


@pytest.mark.parametrize("trainable", [False, True])
def test_a_probe_trains_saves_and_loads(tmp_path, trainable):
    backbone = tiny_models.new_model().backbone
    probe = new_probe(backbone, trainable)
    start = [to_numpy(weight) for weight in backbone.encoder.weights]
    probe.fit(BYTES, LABELS, epochs=1, verbose=0)
    moved = [
        not np.array_equal(old, to_numpy(weight))
        for old, weight in zip(start, backbone.encoder.weights, strict=True)
    ]
    assert any(moved) == trainable
    probe.save(tmp_path / "probe.keras")
    loaded = keras.saving.load_model(tmp_path / "probe.keras")
    np.testing.assert_allclose(
        to_numpy(loaded(BYTES)), to_numpy(probe(BYTES)), atol=1e-5
    )


def test_a_model_inside_another_reconstructs_while_that_one_trains():
    inner = tiny_models.new_model(seed=0)
    outer = keras.Sequential([inner, keras.layers.Flatten(), keras.layers.Dense(3)])
    assert tuple(outer(IMAGES, training=True).shape) == (4, 3)
