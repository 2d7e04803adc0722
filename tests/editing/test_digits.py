"""Editing with a trained model: what a user sees."""

import numpy as np
import pytest

from keras_sphere import editing
from keras_sphere.data import load_digits
from keras_sphere.metrics.psnr import psnr

TRAIN, TEST = load_digits()
CENTROIDS = np.stack(
    [TRAIN[0][TRAIN[1] == label].mean(axis=0) / 127.5 - 1.0 for label in range(10)]
)
IMAGES = (TEST[0][:24] / 127.5 - 1.0).astype("float32")
LABELS = TEST[1][:24]


def classes(images):
    """Class of the nearest mean training digit."""
    distances = np.square(images[:, None] - CENTROIDS[None]).sum(axis=(2, 3, 4))
    return distances.argmin(axis=1)


def test_classes_change_as_asked(digits):
    wanted = (LABELS + 3) % 10
    assert np.mean(classes(IMAGES) == LABELS) > 0.7
    images = editing.manipulate_class(
        digits, IMAGES, wanted, strength=0.5, seed=0, return_steps=True
    )
    assert np.mean(classes(images[-1]) == wanted) > 0.8
    assert np.mean(classes(images[-1]) == LABELS) < 0.2
    kept = editing.manipulate_class(digits, IMAGES, LABELS, seed=0, steps=1)
    assert psnr(kept, IMAGES, 2.0).mean() > psnr(images[-1], IMAGES, 2.0).mean() + 3.0


def test_more_strength_varies_more(digits):
    means = [
        psnr(
            editing.variations(digits, IMAGES, LABELS, 1, angle_degrees=angle, seed=0),
            IMAGES[:, None],
            2.0,
        ).mean()
        for angle in (5.0, 45.0, 80.0)
    ]
    assert means[0] > means[1] + 1.0 > means[2] + 2.0


@pytest.mark.parametrize("rows", [slice(0, 8), slice(8, 16)])
def test_classes_are_guessed_from_half_an_image(digits, rows):
    """And then fill in the hidden half nearly as well as the right ones."""
    mask = np.ones((16, 16), bool)
    mask[rows] = False

    def reached(images):
        hidden = ~mask
        return psnr(images[:, hidden], IMAGES[:, hidden], 2.0).mean()

    guessed = editing.guess_labels(digits, IMAGES, mask, seed=0)
    assert np.mean(guessed == LABELS) > 0.7
    by_guess, by_label, by_none = (
        reached(editing.inpaint(digits, IMAGES, mask, labels, seed=0))
        for labels in (guessed, LABELS, None)
    )
    mean = np.mean(IMAGES[:, mask], axis=1, keepdims=True)
    plain = reached(np.where(mask[..., None], IMAGES, mean[:, None]))
    assert by_guess > by_label - 1.0
    assert by_guess > by_none + 2.0
    assert by_guess > plain + 3.0


@pytest.mark.parametrize("strengths", [(0.3, 0.1, 0.0)])
def test_restoration_beats_what_it_is_given(digits, strengths):
    options = {"labels": LABELS, "seed": 0, "strengths": strengths}
    mask = np.ones((16, 16), bool)
    mask[5:11, 5:11] = False
    inpainted = editing.inpaint(digits, IMAGES, mask, **options)
    np.testing.assert_array_equal(inpainted[:, mask], IMAGES[:, mask])
    filled = np.where(mask[..., None], IMAGES, IMAGES[:, mask].mean())
    assert psnr(inpainted, IMAGES, 2.0).mean() > psnr(filled, IMAGES, 2.0).mean() + 2.0
    small = editing.degradation.downsample(IMAGES, 4)
    large = editing.super_resolve(digits, small, 4, **options)
    plain = editing.degradation.enlarge_bicubic(small, 4)
    assert psnr(large, IMAGES, 2.0).mean() > psnr(plain, IMAGES, 2.0).mean() + 2.0
    noise = np.random.default_rng(0).standard_normal(IMAGES.shape)
    noisy = (IMAGES + 0.3 * noise).astype("float32")
    cleaned = editing.denoise(digits, noisy, 0.3, labels=LABELS, seed=0)
    assert psnr(cleaned, IMAGES, 2.0).mean() > psnr(noisy, IMAGES, 2.0).mean() + 2.0


def test_an_interpolation_is_made_of_digits(digits):
    strip = digits.interpolate(1, 2, 3, 8, num_images=5, steps=4, seed=0)
    assert list(classes(strip)[[0, -1]]) == [3, 8]
    assert strip.min() < -0.9
    assert strip.max() > 0.8
