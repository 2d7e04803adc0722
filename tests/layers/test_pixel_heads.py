"""Tokens to pixels."""

import keras
import numpy as np
from absl.testing import parameterized

from keras_sphere.convert import reference_names
from keras_sphere.layers import ConvPixelHead, LinearPixelHead
from keras_sphere.layers.pixel_heads import reflect_pad, unpatchify
from tests.golden_layers import check_layer
from tests.testing import TestCase, perturb_weights, to_numpy


class PixelHeadTest(TestCase):
    @parameterized.product(
        head=(LinearPixelHead, ConvPixelHead), patch_size=(1, 2, 4), channels=(1, 3)
    )
    def test_shapes_and_range(self, head, patch_size, channels):
        layer = head(patch_size, channels)
        shape = (2, 9, layer.token_channels)
        side = 3 * patch_size
        self.assertEqual(
            layer.compute_output_shape((None, *shape[1:])), (None, side, side, channels)
        )
        layer.build((None, *shape[1:]))
        perturb_weights(layer)
        images = to_numpy(layer(np.full(shape, 3.0, "float32")))
        self.assertEqual(images.shape, (2, side, side, channels))
        self.assertLessEqual(np.abs(images).max(), 1.0)
        self.assertGreater(np.abs(images).max(), 0.1)

    @parameterized.parameters(LinearPixelHead, ConvPixelHead)
    def test_basics(self, head):
        arguments = {"patch_size": 2, "num_channels": 1}
        channels = head(**arguments).token_channels
        self.run_layer_test(head, arguments, (2, 4, channels), (2, 4, 4, 1))

    @parameterized.parameters(LinearPixelHead, ConvPixelHead)
    def test_starts_near_zero(self, head):
        layer = head(2, 3)
        tokens = np.random.default_rng(0).standard_normal((2, 4, layer.token_channels))
        images = to_numpy(layer(tokens.astype("float32")))
        self.assertLess(np.abs(images).max(), 0.05)
        self.assertGreater(np.abs(images).max(), 0.0)

    def test_unpatchify(self):
        """A token is ordered by color, then row, then column."""
        grid, patch, channels = 2, 3, 2
        tokens = np.arange(1 * 4 * 18, dtype="float32").reshape(1, 4, 18)
        images = to_numpy(unpatchify(tokens, grid, patch, channels))
        for token, color, row, column in np.ndindex(4, channels, patch, patch):
            top, left = token // grid * patch, token % grid * patch
            value = images[0, top + row, left + column, color]
            position = (color * patch + row) * patch + column
            self.assertEqual(value, tokens[0, token, position])

    def test_golden_reflected_convolution(self):
        convolution = keras.layers.Conv2D(4, 3, data_format="channels_last")
        convolution.build((None, None, None, 3))
        weights = [
            ("weight", convolution.kernel, reference_names.convolution),
            ("bias", convolution.bias, reference_names.same),
        ]
        check_layer(
            self,
            "reflect_conv",
            lambda images: convolution(reflect_pad(images)),
            weights,
            images=True,
        )

    def test_golden_transposed_convolution(self):
        head = ConvPixelHead(patch_size=2)
        head.token_channels = 4
        head.build((None, 4, 4))
        weights = [
            ("weight", head.upsample.kernel, reference_names.convolution),
            ("bias", head.upsample.bias, reference_names.same),
        ]
        check_layer(self, "conv_transpose", head.upsample, weights, images=True)
