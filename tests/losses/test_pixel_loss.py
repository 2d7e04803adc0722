"""The loss between images and their features."""

import keras
import numpy as np

from keras_sphere.losses import PixelLoss
from tests.testing import TestCase


def inputs(dtype="float32"):
    generator = np.random.default_rng(0)

    def images(*shape):
        array = generator.uniform(size=(3, *shape)).astype("float32")
        return keras.ops.convert_to_tensor(array, dtype)

    def one():
        return {"images": images(4, 4, 3), "features": [images(3, 4), images(2)]}

    return one(), one()


class PixelLossTest(TestCase):
    def test_one_value_per_image(self):
        true, pred = inputs()
        loss = PixelLoss("l2", 2.0, 0.5, feature_distance="absolute", reduction=None)
        expected = 2.0 * self._mean(true["images"], pred["images"], np.square)
        for x, y in zip(true["features"], pred["features"], strict=True):
            expected = expected + 0.5 * self._mean(x, y, np.abs)
        self.assertAllClose(loss(true, pred), expected, rtol=1e-5)
        mean = PixelLoss("l2", 2.0, 0.5)(true, pred)
        self.assertAllClose(mean, expected.mean(), rtol=1e-5)

    def _mean(self, x, y, function):
        difference = keras.ops.convert_to_numpy(x) - keras.ops.convert_to_numpy(y)
        return np.mean(function(difference), axis=tuple(range(1, difference.ndim)))

    def test_l1_of_images_is_half_the_squared_error(self):
        true, pred = ({"images": x["images"], "features": []} for x in inputs())
        l1, l2 = (PixelLoss(distance)(true, pred) for distance in ("l1", "l2"))
        self.assertAllClose(2.0 * l1, l2, rtol=1e-5)

    def test_sample_weight(self):
        true, pred = inputs()
        values = keras.ops.convert_to_numpy(PixelLoss(reduction=None)(true, pred))
        weight = np.asarray([1.0, 0.0, 2.0], "float32")
        weighted = PixelLoss()(true, pred, sample_weight=weight)
        self.assertAllClose(weighted, np.mean(values * weight), rtol=1e-5)

    def test_computes_in_float32(self):
        value = PixelLoss()(*inputs("bfloat16"))
        self.assertEqual(keras.backend.standardize_dtype(value.dtype), "float32")

    def test_numbers_of_features_must_agree(self):
        true, pred = inputs()
        with self.assertRaises(ValueError):
            PixelLoss()(true, {**pred, "features": pred["features"][:1]})

    def test_config(self):
        loss = PixelLoss("l1+l2", 25.0, 0.5, "l2", name="pixels", reduction="sum")
        revived = keras.losses.deserialize(keras.losses.serialize(loss))
        self.assertIsInstance(revived, PixelLoss)
        self.assertEqual(revived.get_config(), loss.get_config())
        self.assertAllClose(revived(*inputs()), loss(*inputs()))

    def test_unknown_distances(self):
        with self.assertRaisesRegex(ValueError, "Received: distance='l3'"):
            PixelLoss("l3")
        with self.assertRaisesRegex(ValueError, "Received: feature_distance='l3'"):
            PixelLoss(feature_distance="l3")
