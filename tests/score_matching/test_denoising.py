"""Denoisers of features: golden values, and what the coefficients are made for."""

import keras
import numpy as np

from keras_sphere.learning_rate import WarmupCosine
from keras_sphere.score_matching.denoising import (
    denoise,
    denoising_losses,
    denoising_weight,
    log_normal_sigmas,
    preconditioning,
)
from tests.score_matching import golden_calls
from tests.testing import TestCase, to_numpy


class DenoisingTest(TestCase):
    def setUp(self):
        super().setUp()
        self.arrays, self.arguments = golden_calls.load()

    def test_golden_coefficients(self):
        sigma = self.arrays["edm/sigma"]
        names = ("c_skip", "c_out", "c_in", "c_noise")
        for name, value in zip(names, preconditioning(sigma), strict=True):
            self.assertAllClose(value, self.arrays[f"edm/{name}"], atol=1e-6)
        weight = denoising_weight(sigma)
        self.assertAllClose(weight, self.arrays["edm/lambda"], rtol=1e-6)

    def test_golden_losses(self):
        arrays = golden_calls.call(self.arrays, 0)
        settings = self.arguments["dsm"]
        for side in ("real", "fake"):
            for stage in range(golden_calls.NUM_STAGES):
                prefix = f"dsm_{side}{stage}"
                sigma = log_normal_sigmas(
                    arrays[f"{prefix}/randn"], settings["p_mean"], settings["p_std"]
                )
                expected = arrays[f"{prefix}/sigma"].reshape(-1)
                self.assertAllClose(sigma, expected, rtol=1e-6)
                losses = denoising_losses(
                    arrays[f"{side}_std{stage}"], arrays[f"{prefix}/pred"], sigma
                )
                self.assertAllClose(losses, arrays[f"{prefix}/per_item"], atol=2e-6)

    def test_golden_learning_rate(self):
        """The schedule of the package serves fractions of epochs, too."""
        rate = WarmupCosine(5e-4, 5e-5, warmup_steps=5, decay_steps=200)
        values = np.stack(
            [to_numpy(rate(t)) for t in self.arrays["score_lr/epoch_pos"]]
        )
        self.assertAllClose(values, self.arrays["score_lr/lr"], atol=1e-9, rtol=1e-5)

    def test_limits_of_the_noise(self):
        sigma = log_normal_sigmas(np.array([-9.0, 0.0, 9.0]), -1.5, 1.0, (0.002, 6.0))
        expected = np.array([0.002, np.exp(-1.5), 6.0])
        self.assertAllClose(sigma, expected, rtol=1e-6)

    def test_a_network_sees_unit_variance_and_is_asked_for_it(self):
        """With c_in the input, and with c_out what it must give, has deviation 1."""
        generator = np.random.default_rng(0)
        clean = 0.5 * generator.standard_normal((1, 100, 300))
        for sigma in (0.01, 0.5, 20.0):
            c_skip, c_out, c_in, _ = (to_numpy(c) for c in preconditioning(sigma))
            noisy = clean + sigma * generator.standard_normal(clean.shape)
            np.testing.assert_allclose((c_in * noisy).std(), 1.0, rtol=0.01)
            asked = (clean - c_skip * noisy) / c_out
            np.testing.assert_allclose(asked.std(), 1.0, rtol=0.01)

    def test_denoise(self):
        noisy = np.random.default_rng(1).standard_normal((2, 3, 4)).astype("float32")
        sigma, seen = np.array([0.5, 2.0], "float32"), []

        def network(x, noise, labels):
            seen.append((x, noise, labels))
            return keras.ops.ones_like(x)

        labels = np.array([3, 4])
        output = denoise(network, noisy, sigma, labels)
        c_skip, c_out, c_in, c_noise = (to_numpy(c) for c in preconditioning(sigma))
        expected = c_skip[:, None, None] * noisy + c_out[:, None, None]
        self.assertAllClose(output, expected)
        self.assertAllClose(seen[0][0], c_in[:, None, None] * noisy)
        self.assertAllClose(seen[0][1], c_noise)
        self.assertIs(seen[0][2], labels)
