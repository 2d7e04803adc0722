"""Generation with plain functions in place of networks."""

import dataclasses
import hashlib
import math

import keras
import numpy as np
from absl.testing import parameterized

from keras_sphere import SamplingOptions
from keras_sphere.sampling import guide, host_noise, sample
from tests.testing import TestCase, to_numpy

SHAPE = (3, 4)
NOISE_HASH = "72aed8822e987e7c841de45eb196d8f70d1233f436d293eb06757e7e4e42e1c0"


def numpy_spherify(x, axis=(1, 2)):
    return x / np.sqrt(np.mean(x**2, axis=axis, keepdims=True) + 1e-6)


class HostNoiseTest(TestCase):
    def test_bits_are_pinned(self):
        noise = host_noise(1234, range(5), 2, (8, 6))
        self.assertEqual(noise.dtype, "float32")
        digest = hashlib.sha256(noise.astype("<f4").tobytes()).hexdigest()
        self.assertEqual(digest, NOISE_HASH)

    def test_does_not_depend_on_the_batch(self):
        together = host_noise(7, range(6), 0, SHAPE)
        parts = [host_noise(7, part, 0, SHAPE) for part in ([0, 1, 2, 3], [4, 5])]
        np.testing.assert_array_equal(np.concatenate(parts), together)

    def test_seed_image_and_draw_all_matter(self):
        noises = [
            host_noise(seed, [image], draw, SHAPE).tobytes()
            for seed in (0, 1, 2**64 - 1)
            for image in (0, 1)
            for draw in (0, 1)
        ]
        self.assertLen(set(noises), 12)

    def test_is_standard_normal(self):
        noise = host_noise(0, range(100), 0, (16, 16))
        self.assertAlmostEqual(noise.mean(), 0.0, delta=0.03)
        self.assertAlmostEqual(noise.std(), 1.0, delta=0.03)


class SamplingOptionsTest(TestCase):
    @parameterized.parameters(
        ({"max_angle_degrees": 90.0}, "max_angle_degrees"),
        ({"steps": 0}, "Received: steps=0"),
        ({"steps": 2.0}, "Received: steps=2.0"),
        ({"steps": True}, "Received: steps=True"),
        ({"guidance_position": "combo"}, "Received: guidance_position='combo'"),
        ({"schedule": "cosine"}, "Received: schedule='cosine'"),
        ({"guidance_scale": -1.0}, "Received: guidance_scale=-1.0"),
        ({"guidance_scale": math.nan}, "Received: guidance_scale=nan"),
    )
    def test_invalid(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            SamplingOptions(**arguments)
        with self.assertRaisesRegex(ValueError, message):
            SamplingOptions().override(**arguments)

    def test_override(self):
        options = SamplingOptions(steps=3, guidance_scale=1.5)
        other = options.override(steps=2, guidance_scale=None, shared_noise=False)
        self.assertEqual(other, SamplingOptions(2, 1.5, shared_noise=False))
        self.assertEqual(options.steps, 3)
        self.assertEqual(SamplingOptions(**options.to_dict()), options)
        with self.assertRaises(dataclasses.FrozenInstanceError):
            options.steps = 1

    def test_sigma(self):
        self.assertAlmostEqual(SamplingOptions().sigma(80.0), 5.671281, places=5)
        options = SamplingOptions(max_angle_degrees=45.0)
        self.assertAlmostEqual(options.sigma(80.0), 1.0, places=6)

    def test_strengths_and_draws(self):
        self.assertEqual(SamplingOptions(steps=4).strengths, [1.0, 1.0, 1.0])
        decay = SamplingOptions(steps=4, schedule="decay")
        self.assertEqual(decay.strengths, [0.75, 0.5, 0.25])
        self.assertEqual(SamplingOptions(steps=1).strengths, [])
        draws = {
            (steps, shared): SamplingOptions(steps, shared_noise=shared).num_noise_draws
            for steps in (1, 4)
            for shared in (True, False)
        }
        expected = {(1, True): 0, (1, False): 0, (4, True): 1, (4, False): 3}
        self.assertEqual(draws, expected)

    @parameterized.parameters(
        (1.0, "both", None, None),
        (0.0, "both", None, None),
        (2.25, "both", 1.5, 1.5),
        (2.25, "encoder", 2.25, None),
        (2.25, "decoder", None, 2.25),
    )
    def test_guidance_at(self, scale, position, at_encoder, at_decoder):
        options = SamplingOptions(guidance_scale=scale, guidance_position=position)
        self.assertEqual(options.guidance_at("encoder"), at_encoder)
        self.assertEqual(options.guidance_at("decoder"), at_decoder)


class SampleTest(TestCase):
    """The encoder and decoder double the point and turn it back."""

    def run_sample(self, step_noise, strengths, per_token=False):
        self.decoded = []

        def decode(points):
            self.decoded.append(to_numpy(points))
            return 2.0 * points

        return sample(
            lambda images: images / 2.0,
            decode,
            self.noise(0),
            step_noise,
            strengths,
            sigma=5.0,
            per_token=per_token,
        )

    def noise(self, draw):
        return host_noise(0, range(2), draw, SHAPE)

    @parameterized.parameters(False, True)
    def test_one_step_decodes_the_noise(self, per_token):
        (images,) = self.run_sample([], [], per_token)
        expected = numpy_spherify(self.noise(0), axis=2 if per_token else (1, 2))
        self.assertAllClose(images, 2.0 * expected, atol=1e-5)

    @parameterized.parameters(True, False)
    def test_later_steps_add_noise(self, shared):
        step_noise = [self.noise(t) for t in ((1,) if shared else (1, 2, 3))]
        strengths = [0.75, 0.5, 0.0]
        images = self.run_sample(step_noise, strengths)
        self.assertLen(images, 4)
        point = numpy_spherify(self.noise(0))
        for t, strength in enumerate(strengths):
            self.assertAllClose(images[t], 2.0 * point, atol=1e-5)
            added = self.noise(1 if shared else t + 1)
            if strength:
                point = numpy_spherify(point + strength * 5.0 * added)
        self.assertAllClose(images[3], 2.0 * point, atol=1e-5)
        np.testing.assert_array_equal(self.decoded[3], self.decoded[2])


class GuideTest(TestCase):
    @parameterized.parameters(0.0, 1.0, 1.5)
    def test_moves_away_from_the_null_class(self, weight):
        calls = []

        def network(x, labels):
            calls.append(x.shape[0])
            return x * keras.ops.cast(labels, "float32")[:, None]

        x = np.asarray([[1.0, 2.0], [3.0, 4.0]], "float32")
        labels, null = np.asarray([2, 3], "int32"), np.asarray([5, 5], "int32")
        guided = guide(network, x, labels, null, weight)
        scale = 5.0 + weight * (labels[:, None] - 5.0)
        self.assertAllClose(guided, (x * scale).astype("float32"))
        self.assertEqual(calls, [4])
