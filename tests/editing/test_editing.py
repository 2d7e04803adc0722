"""Editing with untrained models: shapes, what equals what, and refusals."""

import numpy as np
import pytest

from keras_sphere import SphereAdamW, editing, sampling
from keras_sphere.editing.random_walk import walk_points
from tests import tiny_models

SHAPE = tiny_models.LATENT_SHAPE
NOISE = sampling.host_noise(0, range(2), 1, SHAPE)
LABELS = np.array([0, 2])


def images_of(model, count=2, seed=0):
    return tiny_models.new_images(count, seed)[..., : model.backbone.num_channels]


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_one_refinement_is_a_noisy_reconstruction(any_model):
    images = images_of(any_model)
    for strength in (0.0, 0.4):
        refined = editing.refine(
            any_model, images, steps=1, strength=strength, seed=3, guidance_scale=1.0
        )
        close(refined, any_model.reconstruct(images, strength=strength, seed=3))


@pytest.mark.parametrize("shared_noise", [True, False])
@pytest.mark.parametrize("schedule", ["fixed", "decay"])
def test_refinement_repeats_what_one_step_does(conditional, shared_noise, schedule):
    x = images_of(conditional)
    draws = [sampling.host_noise(5, range(2), t, SHAPE) for t in (1, 2, 3)]
    steps = editing.refine(
        conditional,
        x,
        LABELS,
        steps=3,
        strength=0.5,
        schedule=schedule,
        shared_noise=shared_noise,
        seed=5,
        return_steps=True,
    )
    for t in range(3):
        strength = 0.5 * (1.0 if schedule == "fixed" else 1.0 - t / 3)
        noise = draws[0 if shared_noise else t]
        x = conditional.reconstruct(x, LABELS, strength, noise)
        close(steps[t], x)


def test_generation_goes_on_as_a_refinement(conditional):
    """The loop from noise is the loop from its first image."""
    options = {"guidance_scale": 2.0, "step_noise": NOISE[None]}
    steps = conditional.generate(
        2, LABELS, steps=3, seed=0, return_steps=True, **options
    )
    close(editing.refine(conditional, steps[0], LABELS, steps=2, **options), steps[2])


def test_variations(any_model):
    images = images_of(any_model)
    varied = editing.variations(any_model, images, num_variations=3, seed=1)
    assert varied.shape == (2, 3, *images.shape[1:])
    assert np.abs(varied[:, 0] - varied[:, 1]).max() > 1e-3
    none = editing.variations(any_model, images, num_variations=2, strength=0.0)
    close(none[:, 1], any_model.reconstruct(images))
    half = editing.variations(any_model, images, angle_degrees=70.0, seed=1)
    share = np.tan(np.radians(70.0)) / np.tan(np.radians(80.0))
    close(half, editing.variations(any_model, images, strength=share, seed=1))


def test_variations_keep_their_labels(conditional):
    images = images_of(conditional)
    varied = editing.variations(conditional, images, LABELS, 2, strength=0.0)
    close(varied[:, 1], conditional.reconstruct(images, LABELS))


def test_crossover_masks():
    left, top = (editing.crossover_mask(p, 4) for p in ("horizontal", "vertical"))
    np.testing.assert_array_equal(left, np.tile([1, 1, 0, 0], (4, 1)))
    np.testing.assert_array_equal(top, left.T)
    diagonal = editing.crossover_mask("diagonal", 4)
    np.testing.assert_array_equal(
        diagonal, np.triu(np.ones((4, 4)), 1) + 0.5 * np.eye(4)
    )
    np.testing.assert_array_equal(
        editing.crossover_mask("antidiagonal", 4), diagonal[:, ::-1]
    )


def test_crossover_refines_the_stitched_image(any_model):
    first, second = images_of(any_model), images_of(any_model, seed=1)
    stitched = editing.stitch(
        any_model, first, second, editing.crossover_mask("horizontal", 16)
    )
    np.testing.assert_array_equal(stitched[:, :, :8], first[:, :, :8])
    np.testing.assert_array_equal(stitched[:, :, 8:], second[:, :, 8:])
    options = {"steps": 2, "seed": 4}
    crossed = editing.crossover(any_model, first, second, **options)
    close(crossed, editing.refine(any_model, stitched, **options))
    swapped = editing.crossover(any_model, second, first, swap=True, **options)
    close(swapped, crossed)
    mask = np.zeros((16, 16), bool)
    mask[:, :8] = True
    close(editing.crossover(any_model, first, second, mask=mask, **options), crossed)


@pytest.mark.parametrize("guidance_scale", [1.0, 2.0])
def test_a_direction_is_the_noise_of_every_step(conditional, guidance_scale):
    images, towards = images_of(conditional), images_of(conditional, 1, seed=2)
    options = {"steps": 2, "guidance_scale": guidance_scale}
    latents = np.repeat(conditional.encode(towards, 1), 2, axis=0)[None]
    close(
        editing.direction(
            conditional, towards, images, LABELS, direction_labels=1, **options
        ),
        editing.refine(conditional, images, LABELS, step_noise=latents, **options),
    )
    close(
        editing.direction(
            conditional, towards, noise=NOISE, direction_labels=1, **options
        ),
        conditional.generate(noise=NOISE, step_noise=latents, **options),
    )


@pytest.mark.parametrize("angle", [1.0, 30.0, 89.0])
@pytest.mark.parametrize("turning", [False, True])
@pytest.mark.parametrize("per_token", [False, True])
def test_every_step_of_a_walk_has_the_angle(angle, turning, per_token):
    directions = sampling.host_noise(1, range(20 if turning else 1), 0, (16, 8))
    points = walk_points(NOISE_16, directions, angle, 21, per_token)
    assert points.dtype == np.float32
    vectors = points.astype("float64")
    axis = -1 if per_token else (1, 2)
    np.testing.assert_allclose(np.mean(vectors**2, axis=axis), 1.0, atol=1e-5)
    cosine = np.mean(vectors[1:] * vectors[:-1], axis=axis)
    np.testing.assert_allclose(np.degrees(np.arccos(cosine)), angle, atol=1e-3)
    far = np.mean(vectors[2:] * vectors[:-2], axis=axis)
    on_circle = np.allclose(far, np.cos(np.radians(2 * angle)), atol=1e-5)
    assert on_circle != turning


NOISE_16 = sampling.host_noise(0, [0], 0, (16, 8))[0]


def test_a_walk_generates_its_points(any_model):
    walk = editing.random_walk(any_model, 3, 20.0, 5, seed=3, batch_size=2)
    assert walk.shape[:2] == (5, 16)
    close(walk[0], any_model.generate(1, seed=3)[0])
    close(editing.random_walk(any_model, 3, 20.0, 5, seed=3, batch_size=8), walk)
    turned = editing.random_walk(any_model, 3, 20.0, 5, turning=True, seed=3)
    close(turned[:2], walk[:2])
    assert np.abs(turned[4] - walk[4]).max() > 1e-3


@pytest.mark.parametrize("schedule", ["fixed", "decay"])
def test_a_sweep_is_its_settings_one_by_one(conditional, schedule):
    options = {"labels": LABELS, "seed": 2, "schedule": schedule}
    images = editing.sweep(
        conditional, steps=(3, 1), guidance_scales=(1.0, 2.0), **options
    )
    assert images.shape == (2, 2, 2, 16, 16, 3)
    for row, scale in enumerate((1.0, 2.0)):
        for column, steps in enumerate((3, 1)):
            alone = conditional.generate(steps=steps, guidance_scale=scale, **options)
            close(images[row, column], alone)


def test_known_pixels_stay(any_model):
    images = images_of(any_model)
    mask = np.ones((16, 16), bool)
    mask[4:9, 4:9] = False
    inpainted = editing.inpaint(any_model, images, mask, seed=0, num_samples=2)
    np.testing.assert_array_equal(inpainted[:, mask], images[:, mask])
    spoiled = np.where(mask[..., None], images, 0.9).astype("float32")
    close(editing.inpaint(any_model, spoiled, mask, seed=0, num_samples=2), inpainted)
    assert np.abs(inpainted - images).max() > 1e-3


def test_means_stay(any_model):
    means = images_of(any_model).reshape(2, 4, 4, 4, 4, -1).mean(axis=(2, 4))
    large = editing.super_resolve(any_model, means, 4, seed=0)
    assert large.shape == (2, 16, 16, any_model.backbone.num_channels)
    again = large.reshape(2, 4, 4, 4, 4, -1).mean(axis=(2, 4))
    np.testing.assert_allclose(again, means, atol=0.05)  # less exact where clipped


def test_denoising_trusts_what_is_known(any_model):
    images = images_of(any_model)
    nearly = editing.denoise(any_model, images, 1e-4, seed=0)
    np.testing.assert_allclose(nearly, images, atol=1e-3)
    trusting = {"prior_deviation": 0.1, "blur_deviation": 0.01, "strengths": [0.0]}
    blindly = editing.denoise(any_model, images, 1e4, seed=0, **trusting)
    close(blindly, any_model.reconstruct(images))


def test_samples_are_averaged_and_labels_follow(conditional):
    images = images_of(conditional)
    mask = np.zeros((16, 16), bool)
    mask[0, 0] = True
    options = {"labels": LABELS, "strengths": [0.0], "seed": 0}
    one = editing.inpaint(conditional, images, mask, **options)
    close(editing.inpaint(conditional, images, mask, num_samples=3, **options), one)
    noisy = {**options, "strengths": [0.5], "num_samples": 2}
    both = editing.restore(conditional, images, lambda x: x, **noisy)
    varied = conditional.reconstruct(
        np.tile(images, (2, 1, 1, 1)), np.tile(LABELS, 2), 0.5, seed=0
    )
    close(both, varied.reshape(2, *images.shape).mean(axis=0))


MASK = np.ones((16, 16), bool)
MASK[4:9, 4:9] = False
FUNCTIONS = {
    "refine": lambda m, x, **o: editing.refine(m, x, steps=1, **o),
    "variations": lambda m, x, **o: editing.variations(m, x, num_variations=1, **o),
    "crossover": lambda m, x, **o: editing.crossover(m, x, x[::-1], **o),
    "class": lambda m, x, **o: editing.manipulate_class(m, x, 1, steps=1, **o),
    "direction": lambda m, x, **o: editing.direction(m, x[:1], x, **o),
    "walk": lambda m, x, **o: editing.random_walk(m, 1, 20.0, 2, **o),
    "sweep": lambda m, x, **o: editing.sweep(m, 2, **o),
    "inpaint": lambda m, x, **o: editing.inpaint(m, x, MASK, **o),
    "denoise": lambda m, x, **o: editing.denoise(m, x, 0.2, **o),
    "super_resolve": lambda m, x, **o: editing.super_resolve(m, x[:, ::2, ::2], 2, **o),
    "interpolate": lambda m, x, **o: m.interpolate(num_images=2, **o),
}


@pytest.fixture(scope="module")
def averaged():
    """A model whose weights and their moving averages differ."""
    model = tiny_models.new_model(sampling={"steps": 2})
    model.compile(SphereAdamW())
    model.optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        variable.assign(0.5 * variable.value)
    return model


def test_all_of_it_uses_the_moving_average_on_demand(averaged):
    def results(**options):
        return {
            name: function(averaged, images_of(averaged), seed=0, **options)
            for name, function in FUNCTIONS.items()
        }

    raw, average = results(), results(use_ema=True)
    for variable, mean in averaged.optimizer.moving_averages():
        variable.assign(mean.value)
    for name, expected in results(use_ema=False).items():
        close(average[name], expected)
        assert np.abs(raw[name] - expected).max() > 1e-3, name


REFUSALS = {
    "strength": (
        lambda m, x: editing.refine(m, x, strength=1.5),
        r"`strength` must be a number in \[0, 1\].*strength=1\.5",
    ),
    "both": (
        lambda m, x: editing.variations(m, x, strength=0.1, angle_degrees=5.0),
        "`strength` or `angle_degrees`, not both",
    ),
    "angle": (
        lambda m, x: editing.variations(m, x, angle_degrees=85.0),
        r"`angle_degrees` must be at most 80\.0.*angle_degrees=85\.0",
    ),
    "variations": (
        lambda m, x: editing.variations(m, x, num_variations=0),
        "`num_variations`.*num_variations=0",
    ),
    "labels": (
        lambda m, x: editing.variations(m, x, [1, 2, 0]),
        "`labels` must have one entry per image, 2. Received: 3",
    ),
    "pattern": (
        lambda m, x: editing.crossover(m, x, x, "spiral"),
        r"`pattern` must be one of \['horizontal'.*pattern='spiral'",
    ),
    "counts": (
        lambda m, x: editing.crossover(m, x, x[:1]),
        "equally many images. Received: 2 and 1",
    ),
    "mask shape": (
        lambda m, x: editing.inpaint(m, x, np.ones((8, 8))),
        r"`mask` must have the shape \(16, 16\).*Received: shape \(8, 8\)",
    ),
    "mask values": (
        lambda m, x: editing.crossover(m, x, x, mask=np.full((16, 16), 255)),
        r"`mask` must be boolean, or numbers in \[0, 1\].*255",
    ),
    "nothing known": (
        lambda m, x: editing.inpaint(m, x, np.zeros((16, 16))),
        "`mask` must be 1 at one known pixel",
    ),
    "no class": (
        lambda m, x: editing.manipulate_class(m, x, None),
        "`manipulate_class` needs a class-conditional model",
    ),
    "factor": (
        lambda m, x: editing.super_resolve(m, x, 3),
        "`factor` must be at least 2 and divide.*16. Received: factor=3",
    ),
    "size": (
        lambda m, x: editing.super_resolve(m, x, 2),
        r"\(batch, 8, 8, 3\).*Received: shape \(2, 16, 16, 3\)",
    ),
    "sigma": (
        lambda m, x: editing.denoise(m, x, 0.0),
        r"`sigma` must be a finite number above 0. Received: sigma=0\.0",
    ),
    "strengths": (
        lambda m, x: editing.denoise(m, x, 0.1, strengths=[2.0]),
        r"`strengths` must be a number in \[0, 1\].*2\.0",
    ),
    "nothing to guess from": (
        lambda m, x: editing.guess_labels(m, x, np.zeros((16, 16))),
        "`mask` must be 1 at one known pixel",
    ),
    "walk": (
        lambda m, x: editing.random_walk(m, angle_degrees=90.0),
        r"`angle_degrees` must be an angle.*90\.0",
    ),
    "sweep": (lambda m, x: editing.sweep(m, steps=()), "`steps` must not be empty"),
    "images": (
        lambda m, x: editing.refine(m, x[:, :8]),
        r"`images` must have the shape.*\(2, 8, 16, 3\)",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(conditional, name):
    call, text = REFUSALS[name]
    with pytest.raises(ValueError, match=f"(?s){text}"):
        call(conditional, images_of(conditional))


def test_an_unconditional_model_refuses_classes(unconditional):
    images = images_of(unconditional)
    with pytest.raises(ValueError, match="class-conditional"):
        editing.manipulate_class(unconditional, images, 1)
    with pytest.raises(ValueError, match="guessed by a class-conditional model"):
        editing.guess_labels(unconditional, images, np.ones((16, 16)))
    with pytest.raises(ValueError, match="the model is unconditional"):
        editing.refine(unconditional, images, 1)
    with pytest.raises(ValueError, match="needs a class-conditional model"):
        editing.refine(unconditional, images, guidance_scale=1.5)
