"""The loss that spreads latents over the sphere."""

import keras
import numpy as np
import pytest

from keras_sphere.losses import LatentUniformity
from keras_sphere.losses.latent_uniformity import matched_projections
from tests.differentiation import input_gradients
from tests.testing import TestCase

SHAPE = (6, 4, 2)


def unit_rows(seed, shape=SHAPE):
    rows = np.random.default_rng(seed).standard_normal((shape[0], np.prod(shape[1:])))
    norms = np.linalg.norm(rows, axis=1, keepdims=True) / np.sqrt(rows.shape[1])
    return (rows / norms).astype("float32")


def new_directions(count=5):
    directions = np.random.default_rng(2).standard_normal((8, count))
    return (directions / np.linalg.norm(directions, axis=0)).astype("float32")


class LatentUniformityTest(TestCase):
    def setUp(self):
        super().setUp()
        self.latents, self.points = unit_rows(0), unit_rows(1)
        self.directions = new_directions()

    def value(self, latents, points, reduction=None):
        predicted, true = matched_projections(
            np.reshape(latents, SHAPE), np.reshape(points, SHAPE), self.directions
        )
        return LatentUniformity(reduction=reduction)(true, predicted)

    def test_is_the_mean_squared_difference_of_sorted_projections(self):
        sorted_rows = [
            np.sort(rows @ self.directions, axis=0)
            for rows in (self.latents, self.points)
        ]
        expected = np.mean(np.square(sorted_rows[0] - sorted_rows[1]))
        mean = self.value(self.latents, self.points, "sum_over_batch_size")
        self.assertAllClose(mean, expected, atol=1e-6)

    def test_each_image_has_the_point_of_its_rank(self):
        values = keras.ops.convert_to_numpy(self.value(self.latents, self.points))
        for row, value in zip(self.latents @ self.directions, values, strict=True):
            ranks = np.sum(self.latents @ self.directions < row, axis=0)
            points = np.sort(self.points @ self.directions, axis=0)
            matched = points[ranks, np.arange(5)]
            self.assertAllClose(value, np.mean(np.square(row - matched)), atol=1e-6)

    def test_the_latents_alone_have_a_gradient(self):
        def total(latents, points):
            predicted, true = matched_projections(latents, points, self.directions)
            value = LatentUniformity(reduction=None)(true, predicted)
            return value + 0.0 * keras.ops.sum(points)

        inputs = [x.reshape(SHAPE) for x in (self.latents, self.points)]
        gradient, none = input_gradients(total, inputs, np.ones(6, "float32"))
        predicted, true = map(
            keras.ops.convert_to_numpy, matched_projections(*inputs, self.directions)
        )
        expected = 2.0 / 5 * (predicted - true) @ self.directions.T
        self.assertAllClose(gradient.reshape(6, 8), expected, atol=1e-6)
        self.assertAllClose(none, np.zeros(SHAPE))

    def test_per_class_is_the_same_for_each_class_alone(self):
        labels = np.array([1, 0, 1, 1, 0, 1])
        latents, points = (x.reshape(SHAPE) for x in (self.latents, self.points))
        _, matched = matched_projections(latents, points, self.directions, labels)
        for label in (0, 1):
            of_class = labels == label
            _, alone = matched_projections(
                latents[of_class], points[of_class], self.directions
            )
            own = keras.ops.convert_to_numpy(matched)[of_class]
            self.assertAllClose(own, alone, atol=1e-6)

    def test_is_zero_for_the_points_themselves_in_any_order(self):
        order = np.random.default_rng(3).permutation(len(self.points))
        self.assertAllClose(self.value(self.points[order], self.points), np.zeros(6))

    def test_one_image(self):
        predicted, true = matched_projections(
            self.latents[:1].reshape(1, 4, 2),
            self.points[:1].reshape(1, 4, 2),
            self.directions,
        )
        self.assertAllClose(predicted, self.latents[:1] @ self.directions, atol=1e-6)
        self.assertAllClose(true, self.points[:1] @ self.directions, atol=1e-6)

    def test_computes_in_float32(self):
        halves = [
            keras.ops.cast(np.reshape(x, SHAPE), "bfloat16")
            for x in (self.latents, self.points)
        ]
        for projections in matched_projections(*halves, self.directions):
            self.assertEqual(
                keras.backend.standardize_dtype(projections.dtype), "float32"
            )

    def test_draws(self):
        seed = keras.random.SeedGenerator(0)
        loss = LatentUniformity(num_projections=7)
        draws = loss.draw(keras.ops.zeros(SHAPE), seed)
        self.assertEqual(tuple(draws["uniform_noise"].shape), SHAPE)
        self.assertEqual(tuple(draws["directions"].shape), (8, 7))
        norms = np.linalg.norm(keras.ops.convert_to_numpy(draws["directions"]), axis=0)
        self.assertAllClose(norms, np.ones(7), atol=1e-6)
        again = loss.draw(keras.ops.zeros(SHAPE), seed)
        for name, drawn in draws.items():
            self.assertNotAllClose(drawn, again[name])

    def test_config(self):
        loss = LatentUniformity(7, per_class=True, name="spread", reduction="sum")
        revived = keras.losses.deserialize(keras.losses.serialize(loss))
        self.assertIsInstance(revived, LatentUniformity)
        self.assertEqual(revived.get_config(), loss.get_config())

    def test_no_projections(self):
        with pytest.raises(ValueError, match=r"`num_projections` must be .*=0"):
            LatentUniformity(num_projections=0)
