"""Image gradients at several scales."""

import numpy as np

from keras_sphere.layers import GradientPyramid
from tests.testing import TestCase, to_numpy


class GradientPyramidTest(TestCase):
    def test_basics(self):
        shapes = [(2, 7, 6, 3), (2, 8, 5, 3), (2, 3, 3, 3), (2, 4, 2, 3)]
        layer = self.run_layer_test(
            GradientPyramid, {"num_scales": 2}, (2, 8, 6, 3), shapes
        )
        self.assertEmpty(layer.weights)

    def test_a_ramp_has_the_same_slope_everywhere(self):
        rows, columns = np.mgrid[:8, :8].astype("float32")
        images = (2.0 * rows + 3.0 * columns)[None, :, :, None]
        features = [to_numpy(x) for x in GradientPyramid(3)(images)]
        for scale, (vertical, horizontal) in enumerate(
            zip(features[::2], features[1::2], strict=True)
        ):
            self.assertAllClose(vertical, np.full_like(vertical, 2.0 * 2**scale))
            self.assertAllClose(horizontal, np.full_like(horizontal, 3.0 * 2**scale))

    def test_stops_before_images_get_too_small(self):
        self.assertLen(GradientPyramid(5)(np.zeros((1, 4, 4, 1), "float32")), 4)
        self.assertEmpty(GradientPyramid(5)(np.zeros((1, 1, 1, 1), "float32")))
