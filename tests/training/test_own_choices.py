"""What is chosen for images of one's own."""

import dataclasses

import numpy as np
import pytest

from keras_sphere.angle_gap import angle_of_images
from keras_sphere.choices import SIZE_NAMES
from keras_sphere.data.survey import Survey
from keras_sphere.models.sizes import SIZES
from keras_sphere.training.machine import Machine, look_at_machine
from keras_sphere.training.options import new_options
from keras_sphere.training.own_images import choose, enough_images, set_length

LAPTOP = Machine("4 CPU cores", True, 8 * 10**9, 1e11)
GPU = Machine("a GPU", False, 40 * 10**9, 1e14)


def found(num_images, side=40, num_classes=3, num_channels=3, has_held_out=False):
    names = tuple(map(str, range(num_classes))) or None
    sides = np.array([side])
    return Survey(
        "photos", num_images, num_classes, names, sides, num_channels, has_held_out
    )


def chosen(images, machine=LAPTOP, **options):
    choices = choose(
        new_options(dataset="photos", perceptual="gradient", **options), images, machine
    )
    return choices, choices.options


def angle(options, num_images):
    """What so many images ask for in a model of these options."""
    tokens = (options.image_size // options.patch_size) ** 2
    return angle_of_images(num_images, tokens * options.token_channels)


@pytest.mark.parametrize("num_images", [12, 60, 1_000, 100_000])
def test_any_number_of_images(num_images, capsys):
    hours = 1.0 if num_images < 100_000 else 4.0
    choices, options = chosen(found(num_images), hours=hours)
    is_held_out = num_images >= 30
    assert ("held out" in capsys.readouterr().out) != is_held_out
    assert (options.held_out_split is not None) == is_held_out
    trained = int(options.split[7:-1]) if is_held_out else num_images
    assert trained >= 0.9 * num_images - 1
    assert options.batch_size <= trained
    seen = options.epochs * options.steps_per_epoch * options.batch_size
    assert seen >= enough_images(trained)
    assert options.max_angle_degrees == pytest.approx(
        angle(options, trained / 3), abs=1
    )
    assert all(f"--{name}=" in choices.text() for name in choices.as_dict())
    assert 0.3 * options.epochs < options.angle_warmup_epochs < 0.5 * options.epochs


def test_narrow_models_have_small_patches():
    wished = {"hours": 100.0, "hidden_dim": 96}
    for side, given in ((20, {"hours": 4.0}), (60, {"hours": 4.0}), (60, wished)):
        _, options = chosen(found(1_000, side=side), **given)
        assert options.hidden_dim < 192
        assert options.patch_size == 4


@pytest.mark.parametrize(
    ("side", "machine", "hours", "size"),
    [
        (20, LAPTOP, 1, 32),
        (60, LAPTOP, 1, 32),
        (60, LAPTOP, 4, 64),
        (500, LAPTOP, 4, 64),
        (500, LAPTOP, 0.05, 32),
        (500, LAPTOP, 10, 128),
        (500, LAPTOP, 100, 256),
        (500, GPU, None, 256),
    ],
)
def test_images_are_as_large_as_they_are_and_time_allows(side, machine, hours, size):
    choices, options = chosen(found(1_000, side=side), machine, hours=hours)
    assert options.image_size == size
    assert options.image_size % options.patch_size == 0
    assert ("ask for a larger model" in choices.text()) == (size < min(side, 256) - 20)


def test_more_time_more_images_and_a_faster_machine_allow_a_larger_model():
    widths = [
        chosen(found(count), machine, hours=hours)[1].hidden_dim
        for count, machine, hours in [
            (1_000, LAPTOP, 0.02),
            (1_000, LAPTOP, 1),
            (100_000, LAPTOP, 1000),
            (1_000_000, GPU, 100),
        ]
    ]
    assert widths == sorted(widths)
    assert len(set(widths)) == 4


def test_memory_limits_the_model():
    small = dataclasses.replace(GPU, free_bytes=2 * 10**8)
    options, roomy = (chosen(found(100_000), m)[1] for m in (small, GPU))
    assert options.hidden_dim < roomy.hidden_dim
    assert options.batch_size < roomy.batch_size


def test_what_is_given_stays():
    given = {
        "batch_size": 7, "image_size": 30, "max_angle_degrees": 66.0, "hours": 2.0,
        "hidden_dim": 40, "learning_rate": 1e-4, "held_out_split": "test",
        "epochs": 3, "steps_per_epoch": 4, "conditional": False,
    }  # fmt: skip
    choices, options = chosen(found(1_000), **given)
    for name, value in given.items():
        assert getattr(options, name) == value
        assert f"--{name}=" not in choices.text()
    assert options.split == "train"
    assert (options.image_size // options.patch_size) ** 2 <= 64


def test_the_learning_rate_is_that_of_the_width_and_the_batch():
    rates = [
        chosen(found(1_000), hidden_dim=width, batch_size=batch)[1].learning_rate
        for width, batch in ((60, 128), (60, 32), (700, 128))
    ]
    assert rates == [2e-3, 1e-3, 1e-4]


def test_gray_images_and_no_classes():
    _, options = chosen(found(300, num_classes=0, num_channels=1))
    assert options.num_channels == 1
    assert options.conditional is None
    assert options.max_angle_degrees == pytest.approx(angle(options, 270), abs=1)


def test_the_length_follows_what_was_measured():
    choices, options = chosen(found(1_000))
    guess = options.epochs * options.steps_per_epoch
    seconds = 4 * 3600 / guess
    set_length(choices, 900, options.batch_size, seconds, 1.0, "measured")
    steps = choices.options.epochs * choices.options.steps_per_epoch
    assert 0.7 * 3600 < steps * seconds < 0.9 * 3600
    assert choices.text().count("--epochs=") == 1
    assert choices.text().count("--angle_warmup_epochs=") == 1
    assert "measured" in choices.text()


def test_names_of_sizes_are_those_of_the_models():
    assert tuple(SIZES) == SIZE_NAMES


def test_this_machine():
    machine = look_at_machine()
    assert machine.name
    assert machine.operations > 1e6
    assert machine.free_bytes is None or machine.free_bytes > 1e6


def test_verbosity_is_a_number_or_a_name():
    assert new_options(verbose=0) == new_options(verbose="0")
    with pytest.raises(ValueError, match=r"verbose=3$"):
        new_options(verbose=3)
