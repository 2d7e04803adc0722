"""The MLP-Mixer."""

import keras
import numpy as np
from absl.testing import parameterized

from keras_sphere.convert import reference_names
from keras_sphere.layers import MLPMixer
from tests.golden_layers import check_layer
from tests.testing import TestCase, perturb_weights, to_numpy

SHAPE = (2, 4, 6)


class MLPMixerTest(TestCase):
    @parameterized.parameters((1, True), (2, False))
    def test_basics(self, depth, affine):
        self.run_layer_test(MLPMixer, {"depth": depth, "affine": affine}, SHAPE, SHAPE)

    def test_golden(self):
        mixer = MLPMixer(depth=2)
        mixer.build((None, 16, 6))
        weights = reference_names._mixer("out", mixer)
        check_layer(self, "mixer", mixer, weights, prefix="out.")

    def test_is_a_norm_at_first(self):
        tokens = np.random.default_rng(0).standard_normal(SHAPE).astype("float32")
        expected = tokens / np.sqrt(np.mean(tokens**2, axis=-1, keepdims=True) + 1e-6)
        for affine in (True, False):
            self.assertAllClose(MLPMixer(3, affine)(tokens), expected, atol=1e-5)

    def test_ends_on_a_norm_without_a_weight(self):
        tokens = np.random.default_rng(0).standard_normal(SHAPE).astype("float32")
        mixer = MLPMixer(1, affine=False)
        mixer.build(SHAPE)
        perturb_weights(mixer)
        out = to_numpy(mixer(tokens))
        self.assertAllClose(np.mean(out**2, axis=-1), np.ones((2, 4), "f"), atol=1e-4)

    def test_kernel_initializer(self):
        initializer = keras.initializers.RandomNormal(stddev=1.0)
        mixer = MLPMixer(2, kernel_initializer=initializer)
        mixer.build((None, 16, 24))
        kernels = [
            to_numpy(layer.kernel)
            for block in mixer.blocks
            for layer in (block.token_in, block.token_out, block.channel_in)
        ]
        for kernel in kernels:
            self.assertAlmostEqual(kernel.std(), 1.0, delta=0.15)
        self.assertFalse(np.array_equal(kernels[0], kernels[1]))
        revived = MLPMixer.from_config(mixer.get_config())
        self.assertEqual(revived.kernel_initializer.stddev, 1.0)

    def test_depth_must_be_positive(self):
        with self.assertRaisesRegex(ValueError, "Received: depth=0"):
            MLPMixer(0)
