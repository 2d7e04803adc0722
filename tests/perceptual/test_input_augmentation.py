"""Moves of images before a network looks at them: golden values, draws, gradients."""

import keras
import numpy as np

from keras_sphere.perceptual.input_augmentation import (
    draw_translation,
    draw_window,
    mirror,
    scale_and_shift,
    translate,
)
from tests import golden_data
from tests.differentiation import input_gradients
from tests.testing import TestCase, to_numpy

SHAPE = (64, 128, 128, 3)


class InputAugmentationTest(TestCase):
    def setUp(self):
        super().setUp()
        self.arrays = golden_data.load("funcs2")

    def test_golden_translation(self):
        value = translate(
            golden_data.images(self.arrays["translate/in"]),
            self.arrays["translate/t_rows"],
            self.arrays["translate/t_cols"],
        )
        expected = golden_data.images(self.arrays["translate/out_reflect"])
        self.assertAllClose(value, expected, atol=0.0)

    def test_golden_window(self):
        theta = self.arrays["affine/theta"]
        value = scale_and_shift(
            golden_data.images(self.arrays["affine/in"]),
            theta[:, 1, 1],
            theta[:, ::-1, 2],
            np.sign(theta[:, 0, 0]),
        )
        expected = golden_data.images(self.arrays["affine/out"])
        self.assertAllClose(value, expected, atol=2e-6)

    def test_a_still_window_changes_nothing(self):
        images = golden_data.images(self.arrays["affine/in"])
        one = np.ones(3, "float32")
        value = scale_and_shift(images, one, np.zeros((3, 2), "float32"), one)
        self.assertAllClose(value, images, atol=2e-6)

    def test_gradient_goes_where_pixels_came_from(self):
        images = golden_data.images(self.arrays["translate/in"])
        index = np.arange(8)
        moves = np.array([2, 0, -1])

        def total(x):
            return translate(x, moves, 0 * moves)

        (gradient,) = input_gradients(total, [images], np.ones_like(images))
        for item, move in zip(gradient, moves, strict=True):
            source = 7 - np.abs(7 - np.abs(index + move))
            counts = np.bincount(source, minlength=8)
            self.assertAllClose(
                item, np.broadcast_to(counts[:, None, None], item.shape)
            )

    def test_draws_of_translations(self):
        seed = keras.random.SeedGenerator(0)
        draws = {k: to_numpy(v) for k, v in draw_translation(SHAPE, seed).items()}
        for name in ("rows", "columns"):
            self.assertEqual(set(draws[name]), {-2, -1, 0, 1, 2})
        self.assertEqual(set(draws["flips"]), {-1.0, 1.0})
        self.assertFalse(np.array_equal(draws["rows"], draws["columns"]))
        none = draw_translation(SHAPE, seed, largest=0)
        self.assertEqual(set(to_numpy(none["rows"])), {0})

    def test_draws_of_windows(self):
        seed = keras.random.SeedGenerator(0)
        draws = {k: to_numpy(v) for k, v in draw_window(SHAPE, seed).items()}
        self.assertEqual(draws["shifts"].shape, (64, 2))
        for name, low, high in (("scales", 0.85, 1.0), ("shifts", -0.125, 0.125)):
            assert low <= draws[name].min() < low + 0.02
            assert high - 0.02 < draws[name].max() <= high
        self.assertEqual(set(draws["flips"]), {-1.0, 1.0})

    def test_mirror(self):
        images = golden_data.images(self.arrays["translate/in"])
        flips = np.array([1.0, -1.0, 1.0], "float32")
        value = to_numpy(mirror(images, keras.ops.convert_to_tensor(flips)))
        self.assertAllClose(value[[0, 2]], images[[0, 2]])
        self.assertAllClose(value[1], images[1, :, ::-1])
