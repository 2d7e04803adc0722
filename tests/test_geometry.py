"""The maths of the sphere: golden values, and properties over seeds and dtypes."""

import contextlib
import math

import keras
import numpy as np
import pytest
from absl.testing import parameterized

from keras_sphere import geometry
from tests import golden_data
from tests.differentiation import input_gradients
from tests.testing import TestCase, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")

SHAPE = (4, 6, 5)
DTYPES_AND_SEEDS = [
    {"dtype": dtype, "seed": seed}
    for dtype in ("float32", "float64")
    for seed in (0, 1)
]
TOLERANCE = {"float32": 2e-5, "float64": 2e-6}


def double_precision(dtype):
    """Context in which JAX, too, has float64."""
    if keras.backend.backend() != "jax" or dtype != "float64":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True)


def normal(seed, dtype="float32", shape=SHAPE):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def same_opposite_zero():
    """Pairs of latents that are the same, opposite, and a latent and zero."""
    a = normal(0)[:3]
    return a, np.asarray([1.0, -1.0, 0.0], "f")[:, None, None] * a


def rms(x, axis=(1, 2)):
    return np.sqrt(np.mean(np.square(to_numpy(x)), axis=axis))


def numpy_degrees(a, b):
    a, b = (to_numpy(x).astype("float64").reshape(len(x), -1) for x in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.degrees(np.arccos(np.clip(np.sum(a * b, axis=1) / norms, -1.0, 1.0)))


class GoldenGeometryTest(TestCase):
    def setUp(self):
        super().setUp()
        self.arrays = golden_data.load("funcs")

    @parameterized.parameters("spherify_3d", "spherify_4d", "spherify_tiny")
    def test_spherify(self, name):
        actual = geometry.spherify(self.arrays[f"{name}/in"])
        self.assertAllClose(actual, self.arrays[f"{name}/out"])

    def test_angle(self):
        a, b = self.arrays["angle/a"], self.arrays["angle/b"]
        degrees = np.degrees(to_numpy(geometry.angle(a, b)))
        expected = self.arrays["angle/degrees"][:, 0, 0]
        self.assertAllClose(degrees, expected, atol=0.1)
        self.assertAllClose(degrees[:3], np.asarray([0.0, 180.0, 90.0]), atol=1e-3)

    @parameterized.product(batch=(4, 9), include_zero=(True, False))
    def test_stratified_radii(self, batch, include_zero):
        name = f"stratified_{batch}_{'zero' if include_zero else 'nozero'}"
        uniforms = self.arrays[f"{name}/u"]
        uniforms = np.pad(
            uniforms, (0, batch - len(uniforms)), constant_values=np.float32(0.5)
        )
        actual = geometry.stratified_radii(
            uniforms, self.arrays[f"{name}/perm"], include_zero
        )
        self.assertAllClose(actual, self.arrays[f"{name}/out"][:, 0, 0])


class SpherifyTest(TestCase):
    @parameterized.parameters(*DTYPES_AND_SEEDS)
    def test_projects_and_is_idempotent(self, dtype, seed):
        with double_precision(dtype):
            once = geometry.spherify(7.0 * normal(seed, dtype))
            twice = geometry.spherify(once)
            self.assertEqual(keras.backend.standardize_dtype(once.dtype), dtype)
            self.assertAllClose(rms(once), np.ones(4), atol=TOLERANCE[dtype])
            self.assertAllClose(twice, once, atol=TOLERANCE[dtype])

    def test_per_token(self):
        scales = np.arange(1, 7, dtype="float32")[:, None]
        tokens = geometry.spherify(normal(0) * scales, per_token=True)
        self.assertAllClose(rms(tokens, axis=2), np.ones((4, 6)), atol=1e-4)
        whole = geometry.spherify(normal(0) * scales)
        self.assertGreater(np.ptp(rms(whole, axis=2)), 0.5)

    def test_images_of_a_batch_do_not_mix(self):
        latents = normal(0)
        alone = geometry.spherify(latents[:1])
        self.assertAllClose(geometry.spherify(latents)[:1], alone)

    @parameterized.parameters("bfloat16", "float16", "float32")
    def test_computes_in_float32_whatever_the_policy(self, dtype):
        self.addCleanup(keras.config.set_dtype_policy, keras.config.dtype_policy())
        keras.config.set_dtype_policy("mixed_bfloat16")
        latents = keras.ops.convert_to_tensor(normal(0), dtype)
        noise = keras.ops.convert_to_tensor(normal(1), dtype)
        sphere_latents = geometry.spherify(latents)
        for x in (
            sphere_latents,
            geometry.perturb(latents, noise, 57.0),
            geometry.angle(latents, noise),
            geometry.slerp(latents, noise, 0.5),
            geometry.lerp(latents, noise, 0.5),
            geometry.stratified_radii(latents[:, 0, 0], np.arange(4)),
            geometry.hard_case_radii(latents[:, 0, 0], noise[:, 0, 0], 1.0, 2.0, 0.1),
            geometry.random_on_sphere(SHAPE, seed=0),
        ):
            self.assertEqual(keras.backend.standardize_dtype(x.dtype), "float32")
        self.assertAllClose(rms(sphere_latents), np.ones(4), atol=1e-5)

    @parameterized.parameters(False, True)
    def test_zero_has_a_finite_gradient(self, per_token):
        (gradient,) = input_gradients(
            lambda z: geometry.spherify(z, per_token), [np.zeros(SHAPE)], normal(0)
        )
        self.assertAllClose(gradient, normal(0) * 1e3, rtol=1e-4)
        self.assertAllClose(geometry.spherify(np.zeros(SHAPE)), np.zeros(SHAPE, "f"))

    def test_random_on_sphere(self):
        points = geometry.random_on_sphere((64, 6, 5), seed=1)
        self.assertAllClose(rms(points), np.ones(64), atol=1e-5)
        self.assertLess(abs(np.mean(to_numpy(points))), 0.1)
        self.assertAllClose(geometry.random_on_sphere((64, 6, 5), seed=1), points)
        self.assertNotAllClose(geometry.random_on_sphere((64, 6, 5), seed=2), points)


class AngleTest(TestCase):
    @parameterized.parameters(*DTYPES_AND_SEEDS)
    def test_matches_the_arc_cosine(self, dtype, seed):
        a, b = normal(seed, dtype), 3.0 * normal(seed + 10, dtype)
        with double_precision(dtype):
            degrees = np.degrees(to_numpy(geometry.angle(a, b)))
        self.assertAllClose(degrees, numpy_degrees(a, b), atol=1e-3, rtol=0.0)

    def test_is_exact_where_the_arc_cosine_is_not(self):
        a = geometry.spherify(normal(0))
        sideways = geometry.spherify(normal(1))
        sideways = sideways - a * keras.ops.mean(a * sideways, (1, 2), keepdims=True)
        for radians in (1e-4, math.pi - 1e-4):
            b = math.cos(radians) * a + math.sin(radians) * geometry.spherify(sideways)
            self.assertAllClose(geometry.angle(a, b), np.full(4, radians, "f"), 2e-6)

    def test_gradient_is_finite_at_the_ends_and_at_zero(self):
        a, b = same_opposite_zero()
        for gradient in input_gradients(geometry.angle, [a, b], np.ones(3, "f")):
            self.assertTrue(np.all(np.isfinite(gradient)))

    @parameterized.parameters(0.0, 30.0, 80.0, 89.0)
    def test_sigma_and_degrees_are_inverse(self, degrees):
        sigma = geometry.sigma_from_degrees(degrees)
        self.assertAlmostEqual(sigma, math.tan(degrees * math.pi / 180.0))
        self.assertAlmostEqual(geometry.degrees_from_sigma(sigma), degrees)


class PerturbTest(TestCase):
    @parameterized.parameters(*DTYPES_AND_SEEDS)
    def test_stays_on_the_sphere(self, dtype, seed):
        with double_precision(dtype):
            latents = geometry.spherify(normal(seed, dtype))
            moved = geometry.perturb(latents, normal(seed + 10, dtype), 3.0)
            self.assertEqual(keras.backend.standardize_dtype(moved.dtype), dtype)
            self.assertAllClose(rms(moved), np.ones(4), atol=TOLERANCE[dtype])

    def test_sigma_zero_is_exactly_the_identity(self):
        latents = to_numpy(geometry.spherify(normal(0)))
        for sigma in (0, 0.0, np.zeros(4, "float32")):
            moved = to_numpy(geometry.perturb(latents, normal(1), sigma))
            np.testing.assert_array_equal(moved, latents)

    def test_one_sigma_per_image(self):
        latents = to_numpy(geometry.spherify(normal(0)))
        sigma = np.asarray([0.0, 1.0, 0.0, 5.0], "float32")
        moved = to_numpy(geometry.perturb(latents, normal(1), sigma))
        np.testing.assert_array_equal(moved[::2], latents[::2])
        alone = geometry.perturb(latents[3:], normal(1)[3:], 5.0)
        self.assertAllClose(moved[3:], alone)
        self.assertNotAllClose(moved[1], latents[1], atol=0.1)

    @parameterized.parameters(10.0, 45.0, 80.0, 85.0)
    def test_turns_by_the_angle_asked_for_in_many_dimensions(self, degrees):
        shape = (3, 256, 64)
        latents = geometry.spherify(normal(0, shape=shape))
        moved = geometry.perturb(
            latents, normal(1, shape=shape), geometry.sigma_from_degrees(degrees)
        )
        self.assertAllClose(
            numpy_degrees(latents, moved), np.full(3, degrees), atol=1.5, rtol=0.0
        )

    def test_per_token(self):
        latents = geometry.spherify(normal(0), per_token=True)
        moved = geometry.perturb(latents, normal(1), 2.0, per_token=True)
        self.assertAllClose(rms(moved, axis=2), np.ones((4, 6)), atol=1e-4)

    def test_gradient_is_finite_at_zero_latents_and_zero_sigma(self):
        sigma = np.asarray([0.0, 1.0, 0.0, 5.0], "float32")
        (gradient,) = input_gradients(
            lambda z: geometry.perturb(z, normal(1), sigma),
            [np.zeros(SHAPE, "float32")],
            normal(2),
        )
        self.assertTrue(np.all(np.isfinite(gradient)))
        self.assertAllClose(gradient[0], normal(2)[0])


class MixedDtypesTest(TestCase):
    def test_float64_beside_float32_gives_the_same_values(self):
        """NumPy draws float64, which TensorFlow does not mix with float32."""
        a, b = normal(0), normal(1)
        wide, shares = b.astype("float64"), np.full(4, 0.3)
        for function in (
            geometry.angle,
            lambda a, b: geometry.perturb(a, b, np.full(4, 2.0)),
            lambda a, b: geometry.lerp(a, b, shares),
            lambda a, b: geometry.slerp(a, b, shares),
            lambda a, b: geometry.blerp(a, b, a, b, shares, 0.5),
            lambda a, b: geometry.hard_case_radii(a, b, 1.0, 2.0, 0.5),
        ):
            expected = function(a, b)
            self.assertEqual(keras.backend.standardize_dtype(expected.dtype), "float32")
            actual = to_numpy(function(a, wide)).astype("float32")
            self.assertAllClose(actual, expected, atol=1e-5)


class InterpolationTest(TestCase):
    @parameterized.parameters(*DTYPES_AND_SEEDS)
    def test_slerp_is_the_great_circle(self, dtype, seed):
        a, b = normal(seed, dtype), 2.0 * normal(seed + 10, dtype)
        tolerance = TOLERANCE[dtype]
        with double_precision(dtype):
            points = {
                t: to_numpy(geometry.slerp(a, b, t)) for t in (0.0, 0.5, 0.8, 1.0)
            }
            self.assertEqual(points[0.5].dtype, dtype)
            self.assertAllClose(points[0.0], geometry.spherify(a), atol=tolerance)
            self.assertAllClose(points[1.0], geometry.spherify(b), atol=tolerance)
        whole = numpy_degrees(a, b)
        for t, point in points.items():
            self.assertAllClose(rms(point), np.ones(4), atol=tolerance)
            if 0.0 < t < 1.0:
                degrees = numpy_degrees(a, point)
                self.assertAllClose(degrees, t * whole, atol=1e-2, rtol=0.0)
                degrees = numpy_degrees(point, b)
                self.assertAllClose(degrees, (1.0 - t) * whole, atol=1e-2, rtol=0.0)

    def test_slerp_with_one_share_per_image(self):
        a, b = normal(0), normal(1)
        shares = np.asarray([0.0, 0.25, 0.5, 1.0], "float32")
        points = to_numpy(geometry.slerp(a, b, shares))
        for i, share in enumerate(shares):
            self.assertAllClose(points[i], geometry.slerp(a, b, share)[i], atol=1e-5)

    @parameterized.named_parameters(
        ("random", normal(0)),
        ("constant", np.ones(SHAPE, "float32")),
        ("one_entry", 20.0 * np.eye(4, 30, dtype="float32").reshape(SHAPE)),
    )
    def test_slerp_between_antipodes(self, a):
        middle = geometry.slerp(a, -a, 0.5)
        self.assertAllClose(rms(middle), np.ones(4), atol=1e-5)
        self.assertAllClose(numpy_degrees(a, middle), np.full(4, 90.0), atol=0.1)
        self.assertAllClose(geometry.slerp(a, -a, 1.0), geometry.spherify(-a), 1e-5)

    def test_slerp_gradient_is_finite_at_the_ends_and_at_zero(self):
        a, b = same_opposite_zero()
        gradients = input_gradients(
            lambda a, b: geometry.slerp(a, b, 0.3), [a, b], normal(2)[:3]
        )
        for gradient in gradients:
            self.assertTrue(np.all(np.isfinite(gradient)))

    @parameterized.parameters(0, 1)
    def test_lerp(self, seed):
        a, b = normal(seed), normal(seed + 10)
        self.assertAllClose(geometry.lerp(a, b, 0.0), geometry.spherify(a))
        self.assertAllClose(geometry.lerp(a, b, 1.0), geometry.spherify(b))
        expected = geometry.spherify(0.75 * a + 0.25 * b)
        self.assertAllClose(geometry.lerp(a, b, np.full(4, 0.25)), expected, 1e-5)

    def test_blerp(self):
        corners = [normal(seed) for seed in range(4)]
        for i, corner in enumerate(corners):
            actual = geometry.blerp(*corners, float(i % 2), float(i // 2))
            self.assertAllClose(actual, geometry.spherify(corner))
        x, y = np.full(4, 0.25, "float32"), 0.5
        weights = [0.375, 0.125, 0.375, 0.125]
        mixture = sum(w * corner for w, corner in zip(weights, corners, strict=True))
        actual = geometry.blerp(*corners, x, y)
        self.assertAllClose(actual, geometry.spherify(mixture), atol=1e-5)
