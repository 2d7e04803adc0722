"""How far random points lie beyond the noise of training."""

import pytest

from keras_sphere.angle_gap import (
    angle_of_images,
    describe_gap,
    gap_of_angle,
    gap_of_images,
)

pytestmark = pytest.mark.any_backend


def architecture(token_channels, num_classes=0):
    """That of 16 tokens."""
    return {
        "image_size": 16,
        "patch_size": 4,
        "token_channels": token_channels,
        "num_classes": num_classes,
    }


@pytest.mark.parametrize(
    ("dimensions", "angle", "gap"),
    [(128, 80, 2.0), (2048, 80, 7.9), (4096, 80, 11.2), (65_536, 85, 22.3)],
)
def test_gap_of_an_angle(dimensions, angle, gap):
    assert gap_of_angle(angle, dimensions) == pytest.approx(gap, abs=0.05)


@pytest.mark.parametrize(
    ("num_images", "gap"), [(1500, 3.8), (60_000, 4.7), (1_300_000, 5.3)]
)
def test_gap_of_images(num_images, gap):
    assert gap_of_images(num_images) == pytest.approx(gap, abs=0.06)


@pytest.mark.parametrize("dimensions", [128, 512, 4096])
def test_the_angle_of_images_has_their_gap(dimensions):
    angle = angle_of_images(1500, dimensions)
    assert gap_of_angle(angle, dimensions) == pytest.approx(gap_of_images(1500))


def test_few_dimensions_and_many_images_leave_some_angle():
    assert angle_of_images(10**9, 4) == 1.0


def test_a_fitting_angle_has_no_warning():
    phrase, warning = describe_gap(75.0, architecture(8, 10), 1500)
    assert warning == ""
    assert "3.0 standard deviations beyond 75 degrees in 128" in phrase
    assert "1,500 images of 10 classes ask for about 3.2, 74 degrees" in phrase


def test_without_classes_all_images_are_told_apart():
    phrase, _ = describe_gap(75.0, architecture(8), 1500)
    assert "1,500 images ask for about 3.8, 71 degrees" in phrase


def test_a_large_angle_warns_of_little_variety():
    assert (
        "80 degrees are much for 1,500 images"
        in describe_gap(80.0, architecture(8), 1500)[1]
    )


def test_a_small_angle_warns_of_unlike_points():
    assert (
        "70 degrees are few in 4,096 dim"
        in describe_gap(70.0, architecture(256), 1500)[1]
    )


@pytest.mark.parametrize("num_images", [0, 1])
def test_an_unknown_number_of_images_asks_for_nothing(num_images):
    phrase, warning = describe_gap(80.0, architecture(8), num_images)
    assert "ask" not in phrase
    assert warning == ""
