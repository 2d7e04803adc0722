"""The maths of the noise radii of a batch: bins and hard cases."""

import numpy as np
import pytest
from absl.testing import parameterized

from keras_sphere import geometry
from tests.testing import TestCase, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")


class RadiiTest(TestCase):
    @parameterized.product(batch=(1, 2, 16), include_zero=(True, False), seed=(0, 1))
    def test_every_bin_has_one_radius(self, batch, include_zero, seed):
        generator = np.random.default_rng(seed)
        uniforms = generator.uniform(size=batch).astype("float32")
        permutation = generator.permutation(batch)
        radii = to_numpy(geometry.stratified_radii(uniforms, permutation, include_zero))
        self.assertEqual(radii.shape, (batch,))
        if batch == 1:
            self.assertAllClose(radii, np.maximum(uniforms, 1e-3))
            return
        appended = [1.0, 0.0] if include_zero else [1.0]
        num_bins = batch - len(appended)
        in_order = np.empty(batch)
        in_order[np.arange(batch)] = radii[np.argsort(permutation)]
        self.assertEqual(list(in_order[num_bins:]), appended)
        bins = in_order[:num_bins] * num_bins
        self.assertEqual(list(np.floor(bins)), list(range(num_bins)))
        self.assertAllClose(bins % 1.0, uniforms[:num_bins], atol=1e-5)

    @parameterized.parameters(
        (80.0, 85.0, "narrow", 1.1016),
        (85.0, 89.0, "narrow", 1.4012),
        (80.0, 85.0, "full", 2.0154),
        (85.0, 89.0, "full", 5.0122),
    )
    def test_hard_cases(self, degrees, hard_degrees, band, largest):
        scalers = np.linspace(0.0, 1.0, 1001).astype("float32")
        ordinary = np.full(1001, 0.3, "float32")
        probability = 0.1
        radii = to_numpy(
            geometry.hard_case_radii(
                ordinary,
                scalers,
                geometry.sigma_from_degrees(degrees),
                geometry.sigma_from_degrees(hard_degrees),
                probability,
                band,
            )
        )
        self.assertAlmostEqual(radii.max(), largest, delta=1e-3)
        is_hard = radii != 0.3
        np.testing.assert_array_equal(radii[~is_hard], ordinary[~is_hard])
        self.assertGreaterEqual(radii[is_hard].min(), 1.0)
        self.assertAlmostEqual(np.mean(is_hard), probability, delta=2e-3)

    def test_no_hard_cases_at_probability_zero(self):
        radii = np.linspace(0.0, 1.0, 4, dtype="float32")
        actual = geometry.hard_case_radii(radii, np.zeros(4), 1.0, 2.0, 0.0, "full")
        np.testing.assert_array_equal(to_numpy(actual), radii)

    def test_unknown_band(self):
        with self.assertRaisesRegex(ValueError, "Received: band='wide'"):
            geometry.hard_case_radii(np.ones(2), np.ones(2), 1.0, 2.0, 0.1, "wide")
