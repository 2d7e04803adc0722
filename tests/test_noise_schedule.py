"""Which noise a training step adds."""

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_sphere import NoiseSchedule, geometry
from tests.testing import TestCase, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")


def draw(batch, seed=0, schedule=None):
    schedule = schedule or NoiseSchedule()
    latents = np.zeros((batch, 4, 3), "float32")
    draws = schedule.draw(latents, keras.random.SeedGenerator(seed))
    return {name: to_numpy(value) for name, value in draws.items()}


class DrawTest(TestCase):
    def test_shapes_and_values(self):
        draws = draw(8)
        self.assertEqual(set(draws), set(NoiseSchedule.DRAWS))
        self.assertEqual(draws.pop("noise").shape, (8, 4, 3))
        for name, values in draws.items():
            self.assertEqual(values.shape, (8,), name)
            self.assertTrue(np.all((values >= 0.0) & (values <= 1.0)), name)
        for name in ("radii", "small_radii"):
            self.assertIn(0.0, draws[name])
            self.assertIn(1.0, draws[name])
            in_bins = np.floor(np.sort(draws[name])[1:-1] * 6)
            self.assertEqual(list(in_bins), list(range(6)))
        self.assertFalse(np.array_equal(draws["radii"], draws["small_radii"]))

    def test_order_is_random(self):
        orders = {tuple(np.argsort(draw(8, seed)["radii"])) for seed in range(4)}
        self.assertLen(orders, 4)

    def test_depends_on_the_seed_and_moves_on(self):
        self.assertAllClose(draw(8, seed=1), draw(8, seed=1))
        self.assertNotAllClose(draw(8, seed=1), draw(8, seed=2))
        generator, latents = keras.random.SeedGenerator(1), np.zeros((8, 4, 3), "f")
        schedule = NoiseSchedule()
        first, second = (schedule.draw(latents, generator)["noise"] for _ in "ab")
        self.assertNotAllClose(first, second, atol=0.1)

    @parameterized.parameters(1, 2, 3)
    def test_small_batches(self, batch):
        for value in draw(batch).values():
            self.assertLen(value, batch)
            self.assertTrue(np.all(np.isfinite(value)))

    def test_half_precision_latents(self):
        latents = keras.ops.zeros((4, 2, 3), "bfloat16")
        draws = NoiseSchedule().draw(latents, keras.random.SeedGenerator(0))
        for value in draws.values():
            self.assertEqual(keras.backend.standardize_dtype(value.dtype), "float32")


class SigmasTest(TestCase):
    def test_without_hard_cases(self):
        schedule = NoiseSchedule(80.0, hard_case_probability=0.0)
        draws = draw(64)
        strong, weak = (to_numpy(sigma) for sigma in schedule.sigmas(draws))
        sigma = geometry.sigma_from_degrees(80.0)
        self.assertAllClose(strong, draws["radii"] * sigma, rtol=1e-5)
        product = draws["radii"] * draws["small_radii"]
        self.assertAllClose(weak, 0.5 * product * sigma, rtol=1e-5)

    @parameterized.parameters(("narrow", 80.9), ("full", 85.0))
    def test_hard_cases(self, band, largest_degrees):
        schedule = NoiseSchedule(80.0, 0.1, 85.0, band)
        draws = draw(2000)
        strong, weak = (to_numpy(sigma) for sigma in schedule.sigmas(draws))
        hard = draws["hard_case_scalers"] <= 0.1
        self.assertBetween(hard.mean(), 0.07, 0.13)
        self.assertAllClose(
            strong[~hard], draws["radii"][~hard] * schedule.sigma, rtol=1e-5
        )
        degrees = np.degrees(np.arctan(strong[hard]))
        self.assertGreater(degrees.min(), 79.99)
        self.assertAlmostEqual(degrees.max(), largest_degrees, delta=0.1)
        self.assertLessEqual(weak.max(), 0.5 * schedule.sigma + 1e-5)

    def test_accepts_draws_with_trailing_axes(self):
        draws = draw(4)
        columns = {name: value.reshape(4, -1) for name, value in draws.items()}
        columns["radii"] = columns["radii"][:, :, None]
        schedule = NoiseSchedule()
        self.assertAllClose(schedule.sigmas(columns), schedule.sigmas(draws))


class ArgumentsTest(TestCase):
    @parameterized.parameters((80.0, 85.0), (85.0, 89.0), (89.5, 89.5))
    def test_default_of_the_hard_angle(self, max_degrees, hard_degrees):
        schedule = NoiseSchedule(max_degrees)
        self.assertEqual(schedule.hard_case_max_angle_degrees, hard_degrees)

    def test_config(self):
        schedule = NoiseSchedule(70.0, 0.2, 75.0, "full")
        revived = NoiseSchedule(**schedule.get_config())
        self.assertEqual(revived.get_config(), schedule.get_config())
        draws = draw(4)
        self.assertAllClose(revived.sigmas(draws), schedule.sigmas(draws))

    @parameterized.parameters(
        ({"max_angle_degrees": 90.0}, "Received: max_angle_degrees=90.0"),
        ({"max_angle_degrees": 0.0}, "Received: max_angle_degrees=0.0"),
        ({"max_angle_degrees": "80"}, "Received: max_angle_degrees='80'"),
        ({"hard_case_probability": 1.5}, "Received: hard_case_probability=1.5"),
        ({"hard_case_band": "wide"}, "Received: hard_case_band='wide'"),
        (
            {"max_angle_degrees": 80.0, "hard_case_max_angle_degrees": 75.0},
            "Received: hard_case_max_angle_degrees=75.0",
        ),
    )
    def test_invalid(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            NoiseSchedule(**arguments)
