"""Images to tokens."""

import numpy as np
from absl.testing import parameterized

from keras_sphere.convert import reference_names
from keras_sphere.layers import PatchEmbedding
from tests.golden_layers import check_layer
from tests.testing import TestCase, to_numpy


class PatchEmbeddingTest(TestCase):
    @parameterized.parameters((2, 3, 8), (4, 1, 2))
    def test_basics(self, patch_size, channels, num_tokens):
        self.run_layer_test(
            PatchEmbedding,
            {"patch_size": patch_size, "hidden_dim": 5},
            (2, 8, 4, channels),
            (2, num_tokens, 5),
        )

    def test_golden_patches(self):
        layer = PatchEmbedding(patch_size=2, hidden_dim=4)
        layer.build((None, 6, 4, 3))
        weights = [("weight", layer.patches.kernel, reference_names.convolution)]
        check_layer(self, "patch_conv", layer.patches, weights, images=True)

    def test_tokens_are_row_major(self):
        layer = PatchEmbedding(patch_size=2, hidden_dim=1)
        layer.build((None, 4, 6, 1))
        for kernel in (layer.patches.kernel, layer.projection.kernel):
            kernel.assign(np.ones(kernel.shape, "float32"))
        image = np.zeros((1, 4, 6, 1), "float32")
        image[0, 2:, :2] = 0.25
        tokens = to_numpy(layer(image))[0, :, 0]
        self.assertAllClose(tokens, np.asarray([0, 0, 0, 1, 0, 0], "float32"))

    def test_patch_must_divide_the_image(self):
        with self.assertRaisesRegex(ValueError, "Received: patch_size=4"):
            PatchEmbedding(4, 8).build((None, 8, 10, 3))
