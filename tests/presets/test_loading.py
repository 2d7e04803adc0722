"""Presets saved and loaded again."""

import json
import pathlib

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_sphere import SphereAdamW, WarmupCosine, presets
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.layers.initializers import FlattenedGlorotUniform
from keras_sphere.losses import LatentCosineDistance, PixelLoss
from tests import tiny_models
from tests.testing import TestCase, to_numpy

SAMPLING = {
    "steps": 2,
    "guidance_scale": 1.3,
    "shared_noise": False,
    "schedule": "decay",
    "max_angle_degrees": 70.0,
}


PIXEL_LOSSES = ("reconstruction", "consistency")


def recipe_losses():
    """Losses of the paper's kind, as a configuration has them."""
    pixel = {
        "weight": 1.0,
        "distance": "l1",
        "distance_weight": 1.0,
        "perceptual_weight": 1.0,
        "feature_distance": "l2",
    }
    pairs = {f"pixel_{name}": pixel for name in PIXEL_LOSSES}
    return {**pairs, "latent_consistency": {"weight": 0.1}}


class PresetTestCase(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir()) / "tiny"
        self.model = tiny_models.new_model(sampling=SAMPLING, perceptual="gradient")

    def edit(self, **sections):
        path = self.folder / "config.json"
        config = json.loads(path.read_text())
        for name, values in sections.items():
            if isinstance(values, dict):
                config[name].update(values)
            else:
                config[name] = values
        path.write_text(json.dumps(config))


class LoadingTest(PresetTestCase):
    def assertSameWeights(self, loaded, expected):
        variables = loaded.backbone.trainable_variables
        for variable, value in zip(variables, expected, strict=True):
            self.assertTrue(np.array_equal(to_numpy(variable), value))

    def test_generates_the_same(self):
        self.model.save_to_preset(self.folder)
        self.assertEqual(
            {path.name for path in self.folder.iterdir()},
            {"config.json", "model.weights.h5", "README.md"},
        )
        loaded = presets.load(self.folder)
        expected = self.model.generate(num_images=2, seed=3)
        self.assertAllClose(loaded.generate(num_images=2, seed=3), expected, atol=0)
        self.assertEqual(loaded.sampling, self.model.sampling)
        self.assertEqual(
            loaded.noise_schedule.get_config(), self.model.noise_schedule.get_config()
        )
        self.assertEqual(loaded.perceptual, "gradient")
        with self.assertRaisesRegex(FileExistsError, "overwrite=True"):
            self.model.save_to_preset(self.folder)

    def test_recipe_comes_back(self):
        self.model.compile(
            SphereAdamW(WarmupCosine(3e-3, 1e-5, 5, 50), ema_momentum=0.9),
            {
                "pixel_reconstruction": PixelLoss("l2", 25.0),
                "pixel_consistency": PixelLoss("l1", 2.0, 0.5),
                "latent_consistency": LatentCosineDistance(),
            },
            {
                "pixel_reconstruction": 1.0,
                "pixel_consistency": 0.7,
                "latent_consistency": 0.2,
            },
        )
        self.model.save_to_preset(self.folder, training={"epochs": 3})
        loaded = presets.load(self.folder)
        images = tiny_models.new_images(4)
        outputs = {
            "reconstruction": tiny_models.new_images(4, seed=1),
            "noisy_reconstruction": tiny_models.new_images(4, seed=2),
            "latents": tiny_models.new_draws(4)["noise"],
            "cycled_latents": tiny_models.new_draws(4, seed=1)["noise"],
            "features": [[tiny_models.new_images(4, seed)] for seed in (3, 4, 5)],
        }
        self.assertAllClose(
            loaded.loss_terms(images, outputs), self.model.loss_terms(images, outputs)
        )
        config = loaded.optimizer.get_config()
        self.assertAlmostEqual(config["learning_rate"], 3e-3)
        self.assertEqual(config["ema_momentum"], 0.9)
        self.assertEqual(
            presets.describe(self.folder)["recipe"]["training"],
            {
                "epochs": 3,
                "min_learning_rate": 1e-5,
                "warmup_steps": 5,
                "decay_steps": 50,
            },
        )
        self.assertFalse(presets.load(self.folder, compile=False).compiled)

    @pytest.mark.slow
    def test_a_loaded_model_trains(self):
        self.model.save_to_preset(self.folder)
        loaded = presets.load(self.folder)
        before = tiny_models.state(loaded)
        history = loaded.fit(
            tiny_models.new_images(4), tiny_models.new_labels(4), verbose=0
        ).history
        self.assertTrue(np.isfinite(history["loss"][0]))
        self.assertNotAllClose(tiny_models.state(loaded)[0], before[0], atol=0, rtol=0)

    def test_ema_or_raw(self):
        self.model.compile(SphereAdamW())
        self.model.optimizer.build(self.model.trainable_variables)
        raw = [to_numpy(v) for v in self.model.backbone.trainable_variables]
        for _, average in self.model.optimizer.moving_averages():
            average.assign(np.full(average.shape, 0.5, "float32"))
        self.model.save_to_preset(self.folder)
        self.assertSameWeights(presets.load(self.folder), raw)
        self.assertIn("raw", (self.folder / "README.md").read_text())
        self.model.save_to_preset(self.folder, use_ema=True, overwrite=True)
        halves = [np.full(v.shape, 0.5) for v in raw]
        self.assertSameWeights(presets.load(self.folder), halves)
        self.assertIn("EMA", (self.folder / "README.md").read_text())
        self.assertEqual(presets.describe(self.folder)["weights"]["kind"], "ema")
        self.assertSameWeights(self.model, raw)

    def test_ema_needs_an_optimizer(self):
        with self.assertRaisesRegex(ValueError, "moving average"):
            self.model.save_to_preset(self.folder, use_ema=True)
        self.assertFalse(self.folder.exists())

    @parameterized.parameters("mixed_bfloat16", "bfloat16")
    def test_dtype(self, name):
        self.model.save_to_preset(self.folder, dtype="float16")
        for dtype in (name, keras.DTypePolicy(name)):
            loaded = presets.load(self.folder, dtype=dtype)
            self.assertEqual(loaded.backbone.dtype_policy.name, name)
            layer = loaded.backbone.encoder.transformer.blocks[0]
            self.assertEqual(layer.compute_dtype, "bfloat16")
            self.assertEqual(loaded.generate(num_images=1).dtype, "float32")

    def test_without_weights(self):
        self.model.save_to_preset(self.folder)
        expected = [to_numpy(v) for v in self.model.backbone.trainable_variables]
        fresh = presets.load(self.folder, weights=False)
        values = [to_numpy(v) for v in fresh.backbone.trainable_variables]
        self.assertNotAllClose(values[0], expected[0])
        self.edit(weights=None)
        with self.assertLogs("keras_sphere") as log:
            presets.load(self.folder)
        self.assertLen(log.output, 1)
        self.assertIn("has no weights", log.output[0])
        with self.assertRaisesRegex(ValueError, r"no weights: train.*convert"):
            presets.load(self.folder, weights=True)
        with self.assertNoLogs("keras_sphere"):
            presets.load(self.folder, weights=False)
        with self.assertRaisesRegex(ValueError, "weights='yes'"):
            presets.load(self.folder, weights="yes")

    def test_a_pretrained_perceptual_network_is_attached_on_demand(self):
        """Its files are not here: the preset loads, and says what it lacks."""

        def distances(model):
            losses = model._compile_loss._user_loss
            return {losses[f"pixel_{k}"].feature_distance for k in PIXEL_LOSSES}

        self.model.save_to_preset(self.folder)
        self.edit(recipe={"perceptual": "lpips_convnext", "losses": recipe_losses()})
        with self.assertLogs("keras_sphere") as log:
            loaded = presets.load(self.folder)
        self.assertLen(log.output, 1)
        self.assertIn("pass perceptual='lpips_convnext'", log.output[0])
        self.assertIsNone(loaded.perceptual)
        self.assertEqual(distances(loaded), {"l2"})
        loaded.generate(num_images=1)
        with self.assertNoLogs("keras_sphere"):
            gradient = presets.load(self.folder, perceptual="gradient")
            none = presets.load(self.folder, perceptual=None)
            own = presets.load(self.folder, perceptual=keras.layers.Identity())
        self.assertEqual(distances(gradient), {"absolute"})
        self.assertEqual(distances(none) | distances(own), {"l2"})
        patch = self.enterContext(pytest.MonkeyPatch.context())
        for variable in ("KERAS_SPHERE_PERCEPTUAL_DIR", "KERAS_HOME"):
            patch.setenv(variable, str(self.folder))
        with self.assertRaisesRegex(FileNotFoundError, "lpips_vgg16.npz and convnext"):
            presets.load(self.folder, perceptual="lpips_convnext")

    def test_weights_are_not_drawn_before_they_are_read(self):
        self.model.save_to_preset(self.folder)
        drawn = []

        def watched(self, shape, dtype=None):
            drawn.append(shape)
            return original(self, shape, dtype)

        original = FlattenedGlorotUniform.__call__
        FlattenedGlorotUniform.__call__ = watched
        try:
            presets.load(self.folder)
            self.assertEmpty(drawn)
            presets.load(self.folder, weights=False)
            self.assertNotEmpty(drawn)
        finally:
            FlattenedGlorotUniform.__call__ = original

    def test_damaged_weights(self):
        self.model.save_to_preset(self.folder)
        path = self.folder / "model.weights.h5"
        path.write_bytes(path.read_bytes()[:-100])
        with self.assertRaisesRegex(CorruptFileError, r"model\.weights\.h5 is damaged"):
            presets.load(self.folder)
        presets.load(self.folder, weights=False)

    def test_weights_of_another_architecture(self):
        self.model.save_to_preset(self.folder)
        self.edit(architecture={"num_classes": 4})
        with self.assertRaisesRegex(ValueError, r"model\.weights\.h5 must hold"):
            presets.load(self.folder)


class HostileTest(PresetTestCase):
    """Sizes that would take the machine's memory."""

    @parameterized.parameters(
        {"num_classes": 10**9},
        {"image_size": 2**20, "patch_size": 1},
        {"token_channels": 2**20, "encoder_mixer_depth": 4096},
        {"decoder_size": {"hidden_dim": 2**20, "num_layers": 4096, "num_heads": 1}},
        {"encoder_size": {"hidden_dim": 16, "num_layers": 10**9, "num_heads": 1}},
    )
    def test_absurd_sizes(self, **architecture):
        self.model.save_to_preset(self.folder)
        self.edit(architecture=architecture, parameters=2**53)
        with self.assertRaisesRegex(ValueError, "at most|an integer from"):
            presets.load(self.folder, weights=False)

    def test_more_than_stated(self):
        self.model.save_to_preset(self.folder)
        self.edit(architecture={"encoder_size": "base"})
        with self.assertRaisesRegex(
            ValueError, r"at most [\d,]+ parameters, as stated"
        ):
            presets.load(self.folder, weights=False)

    def test_absurd_overrides(self):
        self.model.save_to_preset(self.folder)
        with self.assertRaisesRegex(ValueError, "at most"):
            presets.load(self.folder, num_classes=2**40)
