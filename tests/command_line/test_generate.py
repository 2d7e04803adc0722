"""The task `generate`, as one picture."""

import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.command_line.job import Job
from keras_sphere.command_line.model_source import ModelDescription
from keras_sphere.command_line.parsing import parse
from keras_sphere.command_line.picture_settings import read_picture_settings
from keras_sphere.command_line.runs.generate import plan
from keras_sphere.command_line.tasks import TASKS
from keras_sphere.visualization.image_grid import to_uint8
from tests.command_line.conftest import pixels

BARE = ("--nocaptions", "--scale=1", "--batch_size=4")


def tiles(path, size=16):
    """The images of a bare picture, row by row."""
    grid = pixels(path)
    rows, columns = (side // size for side in grid.shape[:2])
    parts = grid.reshape(rows, size, columns, size, *grid.shape[2:]).swapaxes(1, 2)
    return parts.reshape(rows * columns, size, size, -1)


def test_images_are_those_of_the_model(succeed, digits16):
    """By class, in order, whatever the batch size."""
    flags = ("--classes=3,7", "--num_images=6", "--seed=5", "--steps=2", *BARE)
    succeed("generate", "--preset=digits16", *flags, "--output=a.png")
    labels = np.repeat([3, 7], 3)
    expected = digits16.generate(labels=labels, seed=5, steps=2, batch_size=4)
    difference = tiles("a.png").astype(int) - to_uint8(expected)
    assert np.max(np.abs(difference)) <= 1
    succeed("generate", "--preset=digits16", *flags, "--batch_size=8", "--output=b.png")
    assert np.max(np.abs(pixels("a.png").astype(int) - pixels("b.png"))) <= 1


def test_some_of_the_images(succeed):
    flags = ("--classes=all", "--num_images=20", "--seed=5", "--steps=1", *BARE)
    succeed("generate", "--preset=digits16", *flags, "--output=all.png")
    succeed(
        *("generate", "--preset=digits16", *flags, "--numbers=7,12-13"),
        "--output=some.png",
    )
    np.testing.assert_array_equal(tiles("some.png"), tiles("all.png")[[7, 12, 13]])


def test_steps_and_seeds(succeed):
    flags = ("--num_images=4", "--steps=3", "--classes=4", *BARE)
    succeed(
        *("generate", "--preset=digits16", *flags, "--show_steps", "--seeds=1,2"),
        "--output=steps.png",
    )
    assert pixels("steps.png").shape == (8 * 16, 3 * 16)
    every = tiles("steps.png").reshape(8, 3, 16, 16, 1)
    succeed("generate", "--preset=digits16", *flags, "--seed=2", "--output=last.png")
    np.testing.assert_array_equal(tiles("last.png"), every[4:, 2])


def test_several_steps_and_scales_are_panels(succeed):
    flags = ("--classes=1", "--num_images=4", "--seed=0", *BARE)
    several = ("--steps=1,2", "--guidance_scale=1,3", "--output=panels.png")
    succeed("generate", "--preset=digits16", *flags, *several)
    one = ("--steps=2", "--guidance_scale=3", "--output=one.png")
    succeed("generate", "--preset=digits16", *flags, *one)
    assert pixels("panels.png").shape == (32, 128)
    np.testing.assert_array_equal(pixels("panels.png")[16:, 64:], pixels("one.png"))
    assert np.any(pixels("panels.png")[16:, :64] != pixels("one.png"))


def test_random_classes_depend_on_seed_and_number(succeed):
    flags = ("--classes=0,1,7", "--random_classes", "--steps=1", *BARE)
    for count in (5, 9):
        succeed(
            *("generate", "--preset=digits16", *flags, f"--num_images={count}"),
            *("--seed=3", "--numbers=0-4", f"--output={count}.png"),
        )
    np.testing.assert_array_equal(pixels("5.png"), pixels("9.png"))


def test_mixed_classes(succeed):
    """A mix of one class is that class; a real mix is neither."""
    flags = ("--num_images=4", "--seed=1", "--steps=1", *BARE)
    for name, given in (
        ("three", "--classes=3"),
        ("pure", "--class_mix=3:2"),
        ("mixed", "--class_mix=3:0.5,8:0.5"),
    ):
        succeed("generate", "--preset=digits16", *flags, given, f"--output={name}.png")
    three, pure, mixed = (
        pixels(f"{name}.png").astype(int) for name in ("three", "pure", "mixed")
    )
    assert np.max(np.abs(three - pure)) <= 1
    assert np.max(np.abs(three - mixed)) > 20


def test_everything_is_recorded(succeed, backend):
    succeed("generate", "--preset=digits16", "--num_images=1", "--batch_size=4")
    recorded = read_picture_settings("generate.png")
    assert (recorded.task, recorded.backend) == ("generate", backend)
    weights = presets.describe("digits16")["weights"]
    assert recorded.weights_sha256 == weights["sha256"]
    assert 0 <= recorded.flags.pop("seed") < 2**32
    assert recorded.flags == {
        "preset": "digits16",
        "use_ema": False,
        "batch_size": 4,
        "classes": "all",
        "num_images": 1,
        "random_classes": False,
        "show_steps": False,
        "steps": [4],
        "guidance_scale": [1.2],
        "guidance_position": "both",
        "schedule": "decay",
        "shared_noise": True,
        "captions": True,
    }


def test_all_classes_by_default(succeed):
    """A row for each, which the terminal says; `none` is the null class."""
    output = succeed("generate", "--preset=digits16", "--seed=1", *BARE, "--steps=1")
    assert "Without --classes: all 10 classes, 80 images." in output
    assert "--classes=none" in output
    assert pixels("generate.png").shape == (10 * 16, 8 * 16)
    flags = ("--seed=1", "--steps=1", "--num_images=8", *BARE)
    output = succeed(
        *("generate", "--preset=digits16", *flags, "--classes=none"),
        "--output=none.png",
    )
    assert "Without --classes" not in output
    assert pixels("none.png").shape == (16, 8 * 16)
    assert read_picture_settings("none.png").flags["classes"] == "none"
    succeed("generate", "--preset=digits16", *flags, "--classes=0", "--output=0.png")
    assert np.any(pixels("0.png") != pixels("none.png"))


def planned(num_classes, names=None, **flags):
    """The settings of a job of a model of so many classes, once it is planned."""
    description = ModelDescription(8, 1, num_classes, (4, 8), {}, names)
    words = [f"--{name}={value}" for name, value in flags.items()]
    settings = parse(TASKS["generate"], ["--preset=x", *words]).settings
    job = Job({**settings, "steps": [4]}, description, {})
    return plan(job), job.settings["classes"], job.settings["num_images"]


def test_some_of_many_classes(capsys):
    assert planned(16) == (128, "all", 128)
    assert "all 16 classes, 128 images" in capsys.readouterr().out
    count, classes, num_images = planned(1000)
    assert (count, len(classes), num_images) == (64, 16, 64)
    assert classes[:3] == ["0", "62", "125"]
    assert "16 of 1,000 classes, 64 images" in capsys.readouterr().out
    names = tuple("ab" * 10)
    assert planned(20, names)[1][:2] == ["0", "1"]  # no name is of one class only
    names = tuple("abcdefghijklmnopqrst")
    assert planned(20, names)[1][:2] == ["a", "b"]
    assert planned(1000, num_images=5) == (5, "all", 5)
    assert planned(10, show_steps=True) == (40, "all", 10)
    capsys.readouterr()
    assert planned(0) == (8, "none", 8)
    assert planned(10, class_mix="3:1") == (8, "none", 8)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--classes=3,17",), r"--classes must be classes from 0 to 9"),
        (("--scale=64", "--num_images=100000"), r"at most 100,000,000 pixels"),
        (("--numbers=9", "--num_images=9"), r"--numbers must be like 17"),
        (("--numbers=3-1", "--num_images=9"), r"--numbers must be like 17"),
        (("--class_mix=3",), r"--class_mix must be like 3:0.7,8:0.3"),
        (("--class_mix=3:1,12:1",), r"--class_mix must be classes from 0 to 9"),
        (("--class_mix=3:1,3:1",), r"different classes below 10"),
        (("--class_mix=3:nan",), r"--class_mix must be like"),
        (("--class_mix=3:0",), r"a weight above 0"),
        (("--class_mix=3:1", "--classes=3"), r"--classes or --class_mix, not both"),
        (("--seeds=1,2", "--numbers=1"), r"--seeds or --numbers, not both"),
        (("--preset=cifar10",), r"'cifar10' has no weights"),
        (("--preset=digits17",), r"no preset or folder of that name"),
        (("--preset=no.keras",), r"no such model"),
        (("--output=x.jpg",), r"a picture .png, an .npz file, or a folder"),
        (("--use_ema",), r"moving average"),
    ],
)
def test_errors(command, tmp_path, flags, message):
    status, _, errors = command("generate", "--preset=digits16", *flags)
    assert status in (1, 2)
    assert errors.startswith("Error: ")
    assert message in errors
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept(command, succeed, tmp_path):
    path = tmp_path / "generate.png"
    path.write_text("mine")
    status, _, errors = command("generate", "--preset=digits16", "--num_images=1")
    assert status == 1
    assert "The file exists; --overwrite replaces it" in errors
    assert path.read_text() == "mine"
    succeed("generate", "--preset=digits16", "--num_images=1", "--overwrite")
    assert pixels(path).ndim == 2
