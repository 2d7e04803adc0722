"""Interpolation: its ends, its path, its classes and its noise."""

import keras
import numpy as np
import pytest

from keras_sphere import geometry, sampling
from keras_sphere.models import latent_paths
from tests import tiny_models

SHAPE = tiny_models.LATENT_SHAPE
LATENTS = sampling.host_noise(3, range(6), 0, SHAPE)


def angles(points):
    """Degrees from each point to the next."""
    radians = geometry.angle(points[:-1], points[1:])
    return np.degrees(keras.ops.convert_to_numpy(radians))


def test_a_great_circle_has_equal_angles_and_stays_on_the_sphere():
    (points,) = latent_paths.path(LATENTS[:1], LATENTS[1:2], np.linspace(0, 1, 9))
    np.testing.assert_allclose(np.mean(points**2, axis=(1, 2)), 1.0, atol=1e-4)
    turned = angles(points)
    np.testing.assert_allclose(turned, turned[0], atol=1e-2)
    whole = angles(np.stack([LATENTS[0], LATENTS[1]]))[0]
    assert turned.sum() == pytest.approx(whole, abs=0.05)


def test_a_projected_line_is_quicker_in_the_middle():
    ends = keras.ops.convert_to_numpy(geometry.spherify(LATENTS[:2]))
    (points,) = latent_paths.path(ends[:1], ends[1:], np.linspace(0, 1, 9), "lerp")
    np.testing.assert_allclose(np.mean(points**2, axis=(1, 2)), 1.0, atol=1e-4)
    turned = angles(points)
    assert turned[4] > 1.2 * turned[0]


def test_every_token_has_its_great_circle():
    (points,) = latent_paths.path(
        LATENTS[:1], LATENTS[1:2], np.linspace(0, 1, 5), per_token=True
    )
    np.testing.assert_allclose(np.mean(points**2, axis=-1), 1.0, atol=1e-4)
    for token in range(SHAPE[0]):
        turned = angles(points[:, token : token + 1])
        np.testing.assert_allclose(turned, turned[0], atol=2e-2)


@pytest.mark.parametrize("method", ["slerp", "lerp"])
def test_the_ends_are_what_generate_makes(shared_model, method):
    options = {"steps": 3, "return_steps": True}
    strip = shared_model.interpolate(5, 6, 0, 2, 4, method, seed=9, **options)
    assert strip.shape == (3, 4, 16, 16, 3)
    moves = sampling.host_noise(9, [0], 1, SHAPE)[None]
    for position, seed, label in ((0, 5, 0), (-1, 6, 2)):
        expected = shared_model.generate(
            labels=[label],
            noise=sampling.host_noise(seed, [0], 0, SHAPE),
            step_noise=moves,
            **options,
        )
        np.testing.assert_allclose(strip[:, position], expected[:, 0], atol=1e-4)


def test_a_path_starts_at_the_image_of_its_seed(shared_model):
    strip = shared_model.interpolate(5, 6, 1, seed=5, num_images=2, steps=3)
    image = shared_model.generate(1, labels=1, seed=5, steps=3)[0]
    np.testing.assert_allclose(strip[0], image, atol=1e-4)


def test_a_fixed_latent_with_a_moving_class(shared_model):
    strip = shared_model.interpolate(5, 5, 0, 1, num_images=3, steps=1, seed=0)
    half = shared_model.generate(
        labels={0: 1, 1: 1}, noise=sampling.host_noise(5, [0], 0, SHAPE), steps=1
    )
    np.testing.assert_allclose(strip[1], half[0], atol=1e-4)
    assert np.abs(strip[0] - strip[2]).max() > 1e-3


def test_several_paths_are_what_each_is_alone(shared_model):
    noise = LATENTS[4:5]
    together = shared_model.interpolate(
        LATENTS[:2], LATENTS[2:4], [0, 1], [1, 2], 3, steps=2, step_noise=noise
    )
    assert together.shape == (2, 3, 16, 16, 3)
    for path in range(2):
        alone = shared_model.interpolate(
            LATENTS[path],
            LATENTS[path + 2],
            path,
            path + 1,
            3,
            steps=2,
            step_noise=noise,
        )
        np.testing.assert_allclose(together[path], alone, atol=1e-4)


def test_ends_that_are_not_given_follow_the_seed(shared_model):
    options = {"num_images": 3, "steps": 2, "batch_size": 2}
    first = shared_model.interpolate(seed=4, **options)
    np.testing.assert_allclose(
        shared_model.interpolate(seed=4, **{**options, "batch_size": 8}),
        first,
        atol=1e-4,
    )
    assert np.abs(shared_model.interpolate(seed=5, **options) - first).max() > 1e-3


def test_the_corners_of_a_grid_are_what_generate_makes(shared_model):
    noise = LATENTS[4:5]
    options = {"steps": 2, "step_noise": noise}
    grid = shared_model.interpolate_grid(LATENTS[:4], [0, 1, 2, 0], 3, 4, **options)
    assert grid.shape == (3, 4, 16, 16, 3)
    corners = grid[[0, 0, -1, -1], [0, -1, 0, -1]]
    expected = shared_model.generate(
        labels=[0, 1, 2, 0],
        noise=LATENTS[:4],
        steps=2,
        step_noise=np.repeat(noise[None], 4, axis=1),
    )
    np.testing.assert_allclose(corners, expected, atol=1e-4)
    seeded = shared_model.interpolate_grid(num_rows=2, num_columns=2, seed=1, steps=1)
    plain = shared_model.generate(4, seed=1, steps=1)
    np.testing.assert_allclose(seeded.reshape(plain.shape), plain, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"num_images": 1}, "`num_images` must be at least 2.*num_images=1"),
        ({"method": "cubic"}, r"`method` must be one of \['slerp', 'lerp'\].*'cubic'"),
        ({"start": -1}, r"`seed` must be.*-1"),
        ({"start": 0.5}, r"`start` must be a seed or a latent of shape \(4, 4\)"),
        ({"start": LATENTS[0, :2]}, r"`start` must be finite, of shape \(1, 4, 4\)"),
        ({"start": [1, 2, 3], "end": [1, 2]}, "equally many.*3 and 2 points"),
        ({"start_labels": 7}, r"`start_labels` must be in \[0, 2\].*7"),
    ],
    ids=str,
)
def test_bad_arguments(shared_model, arguments, text):
    with pytest.raises(ValueError, match=f"(?s){text}"):
        shared_model.interpolate(**arguments)


def test_bad_grids(shared_model):
    with pytest.raises(ValueError, match=r"`corners` must hold four.*Received: 3"):
        shared_model.interpolate_grid([1, 2, 3])
    with pytest.raises(ValueError, match="`num_rows` must be at least 2"):
        shared_model.interpolate_grid(num_rows=1)
