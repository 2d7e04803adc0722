"""Encoder and decoder together, with all their options."""

import math
import os

import keras
import numpy as np
from absl.testing import parameterized

from keras_sphere import SphereEncoderBackbone
from keras_sphere.backend.operations import compiled
from keras_sphere.backend.valueless import Valueless
from keras_sphere.models.sizes import SIZES
from tests.testing import TestCase, perturb_weights, to_numpy

SIZE = {"hidden_dim": 16, "num_layers": 2, "num_heads": 2, "in_context_start": 1}
RECIPES = {
    "cifar10": (32, 2, 8, {"num_classes": 10, "pixel_head": "conv"}),
    "animal_faces": (256, 8, 128, {"mixers": 4}),
    "flowers": (256, 8, 128, {"mixers": 4, "num_classes": 102}),
    "imagenet": (256, 8, 64, {"mixers": 4, "num_classes": 1000}),
}


def new_backbone(**arguments):
    return SphereEncoderBackbone(
        **{
            "image_size": 4,
            "patch_size": 2,
            "token_channels": 3,
            "encoder_size": SIZE,
            "decoder_size": SIZE,
            "encoder_mixer_depth": 0,
            "decoder_mixer_depth": 0,
            **arguments,
        }
    )


def new_images(backbone, batch=2):
    shape = (batch, backbone.image_size, backbone.image_size, backbone.num_channels)
    return np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype("float32")


def count(image_size, patch_size, token_channels, size, mixers=2, **arguments):
    """Numbers of all and of trainable weights, none of which is ever made."""
    with Valueless():
        backbone = SphereEncoderBackbone(
            image_size,
            patch_size,
            token_channels,
            encoder_size=size,
            decoder_size=size,
            encoder_mixer_depth=mixers,
            decoder_mixer_depth=mixers,
            **arguments,
        )
    return tuple(
        sum(math.prod(weight.shape) for weight in weights)
        for weights in (backbone.weights, backbone.trainable_weights)
    )


class OptionsTest(TestCase):
    @parameterized.named_parameters(
        ("plain", {}),
        ("grayscale", {"num_channels": 1}),
        ("conditional", {"num_classes": 3}),
        ("conv_head", {"pixel_head": "conv"}),
        ("conv_head_grayscale", {"pixel_head": "conv", "num_channels": 1}),
        ("mixers", {"encoder_mixer_depth": 1, "decoder_mixer_depth": 3}),
        (
            "mixers_without_affine",
            {
                "encoder_mixer_depth": 1,
                "decoder_mixer_depth": 1,
                "mixer_affine": False,
            },
        ),
        ("in_context_tokens", {"num_in_context_tokens": 2}),
        (
            "conditional_in_context_tokens",
            {"num_in_context_tokens": 2, "num_classes": 3},
        ),
        (
            "in_context_tokens_after_the_last_block",
            {
                "num_in_context_tokens": 2,
                "encoder_size": {**SIZE, "in_context_start": 2},
                "decoder_size": {**SIZE, "in_context_start": 9},
            },
        ),
        ("spherified_blocks", {"spherify_decoder_blocks": True}),
        ("sphere_per_token", {"spherify_per_token": True}),
        ("two_sizes", {"decoder_size": {**SIZE, "hidden_dim": 24, "num_layers": 1}}),
    )
    def test_runs(self, arguments):
        backbone = new_backbone(**arguments)
        perturb_weights(backbone)
        images = new_images(backbone)
        labels = np.asarray([0, 2]) if backbone.num_classes else None
        latents = backbone.encode(images, labels)
        self.assertEqual(tuple(latents.shape), (2, *backbone.latent_shape))
        self.assertNotAllClose(latents[0], latents[1], atol=1e-4)
        points = to_numpy(backbone.spherify(latents))
        axis = 2 if backbone.spherify_per_token else (1, 2)
        mean_squares = np.mean(points**2, axis=axis)
        self.assertAllClose(mean_squares, np.ones_like(mean_squares), atol=1e-2)
        decoded = to_numpy(backbone.decode(points, labels))
        self.assertEqual(decoded.shape, images.shape)
        self.assertLessEqual(np.abs(decoded).max(), 1.0)
        self.assertNotAllClose(decoded[0], decoded[1], atol=1e-4)
        self.assertAllClose(backbone(images, labels), decoded, atol=1e-5)

    def test_starts_from_zero(self):
        """Both heads are zero, so nothing but a constant image comes out."""
        backbone = new_backbone(
            num_classes=3,
            pixel_head="conv",
            encoder_mixer_depth=1,
            decoder_mixer_depth=1,
        )
        images = new_images(backbone)
        latents = to_numpy(backbone.encode(images))
        np.testing.assert_array_equal(latents, np.zeros_like(latents))
        points = np.random.default_rng(0).standard_normal(latents.shape)
        decoded = to_numpy(backbone.decode(points.astype("float32")))
        np.testing.assert_array_equal(decoded, np.zeros_like(decoded))

    def test_the_embedding_of_the_decoder_starts_from_unit_normal_weights(self):
        decoder = new_backbone(
            decoder_size={**SIZE, "hidden_dim": 48}, decoder_mixer_depth=1
        ).decoder
        for layer in (decoder.embedding, decoder.mixer.blocks[0].channel_in):
            self.assertAlmostEqual(to_numpy(layer.kernel).std(), 1.0, delta=0.2)
        attention = decoder.transformer.blocks[0].attention
        self.assertLess(to_numpy(attention.qkv.kernel).std(), 0.3)

    def test_labels(self):
        backbone = new_backbone(num_classes=3)
        perturb_weights(backbone)
        images, labels = new_images(backbone), np.asarray([0, 2])
        null = np.asarray([3, 3])
        points = backbone.spherify(backbone.encode(images))
        for run, x in ((backbone.encode, images), (backbone.decode, points)):
            self.assertAllClose(run(x), run(x, null))
            self.assertNotAllClose(run(x, labels), run(x), atol=1e-4)
        with self.assertRaisesRegex(ValueError, "unconditional"):
            new_backbone().encode(images, labels)

    def test_perturb_is_on_the_sphere_of_the_model(self):
        noise = np.random.default_rng(0).standard_normal((2, 4, 3)).astype("float32")
        for per_token in (False, True):
            backbone = new_backbone(spherify_per_token=per_token)
            points = to_numpy(backbone.perturb(noise, noise[::-1], 0.5))
            deviation = np.abs(np.mean(points**2, axis=2) - 1.0).max()
            self.assertEqual(deviation < 1e-3, per_token)

    def test_half_precision_returns_float32(self):
        backbone = new_backbone(
            num_classes=3, pixel_head="conv", dtype="mixed_bfloat16"
        )
        labels = keras.ops.convert_to_tensor(np.asarray([0, 1]))

        def run(images):
            latents = backbone.encode(images, labels)
            return latents, backbone.decode(latents), backbone(images)

        for x in compiled(run)(keras.ops.convert_to_tensor(new_images(backbone))):
            self.assertEqual(keras.backend.standardize_dtype(x.dtype), "float32")
        for layer in backbone._flatten_layers():
            if layer is not backbone and not isinstance(layer, keras.Model):
                self.assertEqual(layer.compute_dtype, "bfloat16", layer.path)

    def test_saves_and_loads(self):
        backbone = new_backbone(
            num_classes=3,
            decoder_mixer_depth=1,
            num_in_context_tokens=1,
            label_dropout=0.3,
            spherify_per_token=True,
        )
        perturb_weights(backbone)
        images, labels = new_images(backbone), np.asarray([0, 1])
        folder = self.get_temp_dir()
        backbone.save(os.path.join(folder, "backbone.keras"))
        loaded = keras.saving.load_model(os.path.join(folder, "backbone.keras"))
        self.assertIsInstance(loaded, SphereEncoderBackbone)
        self.assertEqual(loaded.get_config(), backbone.get_config())
        self.assertAllClose(loaded(images, labels), backbone(images, labels))
        backbone.save_weights(os.path.join(folder, "b.weights.h5"))
        revived = SphereEncoderBackbone.from_config(backbone.get_config())
        revived.load_weights(os.path.join(folder, "b.weights.h5"))
        self.assertAllClose(revived(images, labels), backbone(images, labels))


class ParameterCountTest(TestCase):
    @parameterized.parameters(
        ("small", "cifar10", 79.90),
        ("base", "cifar10", 263.82),
        ("large", "animal_faces", 642.15),
        ("large", "flowers", 948.84),
        ("large", "imagenet", 950.35),
        ("xlarge", "imagenet", 1388.92),
    )
    def test_recipes(self, size, recipe, millions):
        *shape, arguments = RECIPES[recipe]
        total, trainable = count(*shape, size, **arguments)
        self.assertAlmostEqual(total / 1e6, millions, delta=0.005)
        num_tokens = (shape[0] // shape[1]) ** 2
        tables = 2 * num_tokens * SIZES[size]["hidden_dim"]
        self.assertEqual(total - trainable, tables)
        if (size, recipe) == ("base", "cifar10"):
            self.assertAlmostEqual(trainable / 1e6, 263.42, delta=0.005)

    @parameterized.parameters(*SIZES)
    def test_unconditional_without_mixers(self, size):
        width, layers = SIZES[size]["hidden_dim"], SIZES[size]["num_layers"]
        inner = 8 * width // 3
        attention = 4 * width * (width + 1)
        feed_forward = 2 * inner * (width + 1) + width * (inner + 1)
        blocks = 2 * layers * (2 * width + attention + feed_forward)
        patches = 12 * width + width * (width + 1)
        ends = patches + 5 * (width + 1) + (5 + 1) * width
        pixels = 12 * (width + 1) + 3 * 3 * 3 * 3 + 3
        _, trainable = count(8, 2, 5, size, mixers=0)
        self.assertEqual(trainable, blocks + ends + pixels)


class ArgumentsTest(TestCase):
    @parameterized.parameters(
        ({"patch_size": 3}, "Received: image_size=4, patch_size=3"),
        ({"patch_size": 0}, "Received: patch_size=0"),
        ({"image_size": 4.0}, "Received: image_size=4.0"),
        ({"token_channels": -1}, "Received: token_channels=-1"),
        ({"num_channels": 0}, "Received: num_channels=0"),
        ({"num_classes": -1}, "Received: num_classes=-1"),
        ({"num_classes": True}, "Received: num_classes=True"),
        ({"encoder_mixer_depth": 1.5}, "Received: encoder_mixer_depth=1.5"),
        ({"num_in_context_tokens": -2}, "Received: num_in_context_tokens=-2"),
        ({"encoder_size": "tiny"}, "Received: encoder_size='tiny'"),
        ({"decoder_size": {}}, "Received: decoder_size={}"),
        ({"pixel_head": "mlp"}, "Received: pixel_head='mlp'"),
        ({"label_dropout": 1.5}, "Received: label_dropout=1.5"),
        (
            {"pixel_head": "conv", "patch_size": 4},
            "Received: image_size=4, patch_size=4",
        ),
    )
    def test_invalid(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            new_backbone(**arguments)
