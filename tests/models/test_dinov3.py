"""The frozen encoder, beside transformers' own DINOv3 and by itself."""

import math

import keras
import numpy as np
import pytest

from keras_sphere.models import DINOv3Encoder
from tests.differentiation import input_gradients
from tests.models import transformers_dinov3 as reference
from tests.models.transformers_dinov3 import SIZES, new_images
from tests.testing import TestCase, to_numpy

# The published one.
PUBLISHED = {
    "hidden_dim": 384,
    "num_layers": 12,
    "num_heads": 6,
    "patch_size": 16,
    "mlp_dim": 1536,
    "gated_mlp": True,
    "num_register_tokens": 4,
}
SMALL = {**SIZES, "hidden_dim": 8, "num_layers": 2, "mlp_dim": 12, "input_size": 16}


def close(actual, expected, atol=2e-5):
    np.testing.assert_allclose(to_numpy(actual), expected, atol=atol, rtol=0)


def new_encoder(image_size=16, **arguments):
    """A built encoder of random weights that differ from channel to channel."""
    encoder = DINOv3Encoder(**{**SMALL, **arguments})
    encoder.build((None, image_size, image_size, 3))
    generator = np.random.default_rng(0)
    for weight in encoder.weights:
        noise = generator.standard_normal(tuple(weight.shape))
        weight.assign(to_numpy(weight) + 0.1 * noise)
    return encoder


@pytest.mark.parametrize("gated_mlp", [True, False])
def test_the_public_network_gives_the_same(gated_mlp):
    """From images that are resized, by other numbers than the published ones too."""
    arguments = {"gated_mlp": gated_mlp, **SIZES}
    if not gated_mlp:
        arguments |= {"rope_theta": 30.0, "epsilon": 1e-2, "num_register_tokens": 1}
    network = reference.perturb(reference.new_network(arguments))
    for image_size in (32, 80):
        images = new_images(image_size)
        encoder = reference.new_encoder(network, image_size, **arguments)
        close(encoder(images), reference.latents(network, images, 48))
        close(encoder(images, np.array([1, 0]), training=True), encoder(images), 0.0)


@pytest.mark.parametrize("image_size", [48, 64])
def test_images_of_their_own_size(image_size):
    """Not resized: because they need not be, or as positions go with the image."""
    arguments = {"gated_mlp": True, **SIZES}
    network = reference.perturb(reference.new_network(arguments))
    images = new_images(image_size)
    expected = reference.latents(network, images)
    if image_size == arguments["input_size"]:
        encoder = reference.new_encoder(network, image_size, **arguments)
        close(encoder(images), expected)
    arguments["interpolate"] = "positions"
    encoder = reference.new_encoder(network, image_size, **arguments)
    close(encoder(images), expected)


@pytest.mark.parametrize("grid_size", [4, 6, 9])
def test_tokens_of_another_grid(grid_size):
    import torch

    arguments = {"gated_mlp": True, **SIZES}
    network = reference.perturb(reference.new_network(arguments))
    images = new_images(32)
    tokens = torch.from_numpy(reference.latents(network, images, 48))
    grid = tokens.unflatten(1, (6, 6)).movedim(-1, 1)
    resampled = torch.nn.functional.interpolate(
        grid, (grid_size, grid_size), mode="bicubic", align_corners=False
    )
    arguments |= {"grid_size": grid_size, "interpolate": "tokens"}
    encoder = reference.new_encoder(network, 32, **arguments)
    assert encoder.compute_output_shape((2, 32, 32, 3)) == (2, grid_size**2, 32)
    close(encoder(images), resampled.flatten(2).movedim(1, -1).numpy())


def test_the_published_size_has_all_weights():
    network = reference.new_network(PUBLISHED, device="meta")
    tensors = reference.reference_tensors(network)
    expected = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    shapes = reference.shapes_without_values()
    assert shapes == expected
    assert sum(map(math.prod, shapes.values())) == 28_691_712


class DINOv3EncoderTest(TestCase):
    def test_basics(self):
        encoder = self.run_layer_test(
            DINOv3Encoder,
            {**SMALL, "rope_theta": 50.0, "epsilon": 1e-4},
            (2, 24, 24, 3),
            (2, 4, 8),
            expected_mixed_dtype="float32",
        )
        self.assertEmpty(encoder.trainable_weights)

    def test_only_the_projection_is_trained(self):
        encoder = self.run_layer_test(
            DINOv3Encoder,
            {**SMALL, "gated_mlp": False, "token_channels": 5},
            (2, 16, 16, 3),
            (2, 4, 5),
            expected_mixed_dtype="float32",
        )
        names = [weight.path for weight in encoder.trainable_weights]
        self.assertLen(names, 2)
        self.assertTrue(all("projection/" in name for name in names))


def test_mixed_precision_is_near_float32():
    exact = new_encoder()
    mixed = DINOv3Encoder(**SMALL, dtype="mixed_bfloat16")
    mixed.build((None, 16, 16, 3))
    mixed.set_weights(exact.get_weights())
    images = new_images(16)
    error = np.abs(to_numpy(mixed(images)) - to_numpy(exact(images)))
    assert 0.0 < error.max() < 0.1


def test_gradients_reach_the_images():
    """As the loss of latents needs them; not where images go beyond [-1, 1]."""
    images = np.clip(new_images(16), -0.9, 0.9)
    images[:, :4] = 1.5
    encoder = new_encoder()
    (gradient,) = input_gradients(encoder, [images], np.ones((2, 4, 8)) * np.arange(8))
    assert np.all(gradient[:, :4] == 0.0)
    assert np.all(gradient[:, 4:] != 0.0)


def test_it_stays_frozen():
    """Whoever makes trainable what is around it; not who means a block of it."""
    encoder = new_encoder(token_channels=5)
    image = keras.Input((16, 16, 3))
    outer = keras.Model(image, keras.layers.Dense(1)(encoder(image)))
    outer.trainable = False
    assert outer.trainable_variables == []
    outer.trainable = True
    assert len(encoder.trainable_variables) == 2
    encoder.network.trainable = True
    assert len(encoder.trainable_variables) == 2
    encoder.network.blocks[1].trainable = True
    assert len(encoder.trainable_variables) == 2 + 19
    again = DINOv3Encoder.from_config(encoder.get_config())
    again.build((None, 16, 16, 3))
    flags = [
        [layer.trainable for layer in network._flatten_layers()]
        for network in (encoder, again)
    ]
    assert flags[0] == flags[1]
    assert len(again.trainable_variables) == 2 + 19


def test_a_model_of_keras_is_saved_and_loaded(tmp_path):
    encoder = new_encoder(24, token_channels=5)
    image = keras.Input((24, 24, 3))
    model = keras.Model(image, encoder(image))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = new_images(24)
    close(loaded(images), to_numpy(model(images)), 1e-6)
    assert len(loaded.trainable_variables) == 2


BAD = {
    "patch": ({"input_size": 20}, r"`patch_size` must divide.*a side of 20"),
    "grid": ({"grid_size": 3}, r"2 x 2 patches.*grid_size=3, interpolate=\'input\'"),
    "interpolate": ({"interpolate": "grid"}, "`interpolate` must be one of.*'grid'"),
    "epsilon": ({"epsilon": 0.0}, "`epsilon` must be"),
    "gate": ({"gated_mlp": "silu"}, "`gated_mlp` must be True or False"),
}
BAD_IMAGES = {
    "colors": ({}, (16, 16, 1), r"3 channels.*16, 16, 1"),
    "unknown": ({}, (None, None, 3), "known size"),
    "uneven": ({"interpolate": "positions"}, (20, 20, 3), "side of 20"),
    "not square": ({"interpolate": "positions"}, (16, 24, 3), "must be square"),
    "grid": (
        {"interpolate": "positions", "grid_size": 2},
        (24, 24, 3),
        "3 x 3 patches.*grid_size=2",
    ),
    "heads": ({"num_heads": 4}, (16, 16, 3), "multiple of 4 `num_heads`"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name):
    arguments, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        DINOv3Encoder(**{**SMALL, **arguments})


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_images(name):
    arguments, shape, message = BAD_IMAGES[name]
    encoder = DINOv3Encoder(**{**SMALL, **arguments})
    with pytest.raises(ValueError, match=message):
        encoder.build((None, *shape))
