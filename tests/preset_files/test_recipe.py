"""Losses and optimizers as numbers."""

import json

import keras

from keras_sphere.learning_rate import WarmupCosine
from keras_sphere.losses import LatentCosineDistance, LatentUniformity, PixelLoss
from keras_sphere.optimizers import SphereAdamW
from keras_sphere.preset_files import recipe
from tests.testing import TestCase

WEIGHTS = {
    "pixel_reconstruction": 2.0,
    "pixel_consistency": 0.5,
    "latent_consistency": 0.1,
}


def new_losses():
    return {
        "pixel_reconstruction": PixelLoss("l2", 25.0, 0.5),
        "pixel_consistency": PixelLoss("absolute", 3.0, 2.0, "l1"),
        "latent_consistency": LatentCosineDistance(),
    }


class RecipeTest(TestCase):
    def test_losses_come_back(self):
        stored = json.dumps(recipe.losses_to_recipe(new_losses(), WEIGHTS))
        losses, weights = recipe.losses_from_recipe(json.loads(stored))
        self.assertEqual(weights, WEIGHTS)
        self.assertEqual(losses["pixel_reconstruction"].distance, "l2")
        self.assertEqual(losses["pixel_reconstruction"].distance_weight, 25.0)
        self.assertEqual(losses["pixel_consistency"].perceptual_weight, 2.0)
        self.assertEqual(losses["pixel_consistency"].feature_distance, "l1")
        self.assertIsInstance(losses["latent_consistency"], LatentCosineDistance)

    def test_uniformity_comes_back(self):
        losses = {**new_losses(), "latent_uniformity": LatentUniformity(7, True)}
        weights = {**WEIGHTS, "latent_uniformity": 0.3}
        stored = recipe.losses_to_recipe(losses, weights)
        revived, revived_weights = recipe.losses_from_recipe(stored)
        self.assertEqual(revived_weights, weights)
        self.assertEqual(revived["latent_uniformity"].num_projections, 7)
        self.assertIs(revived["latent_uniformity"].per_class, True)

    def test_a_recipe_without_uniformity_has_none(self):
        stored = recipe.losses_to_recipe(new_losses(), WEIGHTS)
        self.assertNotIn("latent_uniformity", stored)
        losses, _ = recipe.losses_from_recipe({**stored, "latent_uniformity": None})
        self.assertNotIn("latent_uniformity", losses)

    def test_optimizer_comes_back(self):
        optimizer = SphereAdamW(
            WarmupCosine(1e-3, 1e-5, 10, 100),
            beta_2=0.9,
            encoder_learning_rate_factor=0.5,
            ema_momentum=0.99,
            global_clipnorm=None,
        )
        stored, notes = recipe.optimizer_to_recipe(optimizer)
        revived = recipe.optimizer_from_recipe(json.loads(json.dumps(stored)))
        expected = {"learning_rate": 1e-3, "beta_2": 0.9, "ema_momentum": 0.99}
        expected["encoder_learning_rate_factor"] = 0.5
        config = revived.get_config()
        for key, value in expected.items():
            self.assertAlmostEqual(config[key], value, msg=key)
        self.assertIsNone(config["global_clipnorm"])
        self.assertEqual(
            notes, {"min_learning_rate": 1e-5, "warmup_steps": 10, "decay_steps": 100}
        )

    def test_what_is_not_ours_is_left_out_and_said(self):
        foreign = {**new_losses(), "pixel_consistency": keras.losses.MeanSquaredError()}
        with self.assertLogs("keras_sphere") as log:
            self.assertIsNone(recipe.losses_to_recipe(foreign, WEIGHTS))
        self.assertIn("Losses", log.output[0])
        with self.assertLogs("keras_sphere") as log:
            self.assertEqual(
                recipe.optimizer_to_recipe(keras.optimizers.SGD()), (None, {})
            )
        self.assertIn("optimizer", log.output[0])

    def test_nothing_compiled(self):
        self.assertIsNone(recipe.losses_to_recipe(None, None))
        self.assertEqual(recipe.optimizer_to_recipe(None), (None, {}))
