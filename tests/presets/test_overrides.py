"""Presets loaded with other values than they were saved with."""

import pathlib

import numpy as np

from keras_sphere import presets
from tests import tiny_models
from tests.testing import TestCase, to_numpy


class OverridesTest(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir()) / "tiny"
        self.model = tiny_models.new_model(sampling={"guidance_scale": 1.3})
        self.model.save_to_preset(self.folder)

    def load(self, **overrides):
        """The model, and the names on the log."""
        with self.assertLogs("keras_sphere") as log:
            loaded = presets.load(self.folder, **overrides)
        self.assertLen(log.output, 1)
        return loaded, log.output[0].split(": ", 1)[1].split(", ")

    def assertRestLoaded(self, loaded, left_out):
        expected = {
            v.path: to_numpy(v) for v in self.model.backbone.trainable_variables
        }
        for variable in loaded.backbone.trainable_variables:
            if variable.path not in left_out:
                value = expected[variable.path]
                self.assertTrue(np.array_equal(to_numpy(variable), value))

    def test_number_of_classes(self):
        loaded, left_out = self.load(num_classes=7)
        self.assertEqual(
            left_out,
            [
                f"backbone/{half}/transformer/label_embedding/table"
                for half in ("encoder", "decoder")
            ],
        )
        self.assertRestLoaded(loaded, left_out)
        loaded.generate(labels=[6], num_images=1)

    def test_no_classes(self):
        loaded, left_out = self.load(num_classes=0)
        self.assertRestLoaded(loaded, [])
        self.assertIn("backbone/encoder/transformer/label_embedding/table", left_out)
        self.assertIn(
            "backbone/decoder/transformer/block_0/modulation/linear/bias", left_out
        )
        self.assertEqual(loaded.sampling.guidance_scale, 1.0)
        self.assertEqual(loaded.generate(num_images=1).shape, (1, 16, 16, 3))

    def test_image_size_without_mixers(self):
        loaded, resized = self.load(image_size=32)
        self.assertEqual({name.rsplit("/", 1)[1] for name in resized}, {"table"})
        self.assertRestLoaded(loaded, [])
        self.assertEqual(loaded.generate(num_images=1).shape, (1, 32, 32, 3))
        table = loaded.backbone.encoder.transformer.position_embedding.table
        own = self.model.backbone.encoder.transformer.position_embedding.table
        self.assertAllClose(to_numpy(table)[-1], to_numpy(own)[-1])

    def test_mixers(self):
        loaded, left_out = self.load(encoder_mixer_depth=1)
        self.assertNotEmpty(left_out)
        for name in left_out:
            self.assertStartsWith(name, "backbone/encoder/mixer/")
        self.assertRestLoaded(loaded, left_out)

    def test_image_size_with_mixers(self):
        model = presets.load(self.folder, encoder_mixer_depth=1, weights=False)
        model.save_to_preset(self.folder, overwrite=True)
        _, resized = self.load(image_size=32)
        self.assertEqual(
            {name.rsplit("/", 2)[1] for name in resized},
            {"token_in", "token_out", "position_embedding"},
        )

    def test_values_of_the_model(self):
        with self.assertNoLogs("keras_sphere"):
            loaded = presets.load(
                self.folder, max_angle_degrees=88.0, seed=5, sampling={"steps": 3}
            )
        self.assertEqual(loaded.noise_schedule.max_angle_degrees, 88.0)
        self.assertEqual(loaded.noise_schedule.hard_case_max_angle_degrees, 89.0)
        self.assertEqual(loaded.seed, 5)
        self.assertEqual(loaded.sampling.steps, 3)
        self.assertEqual(loaded.sampling.guidance_scale, 1.3)

    def test_unknown_value(self):
        with self.assertRaisesRegex(ValueError, r"It has: image_size, .*imagesize=32"):
            presets.load(self.folder, imagesize=32)
