"""Every task that draws: its picture, its settings, and the picture again."""

import re

import numpy as np
import PIL.Image
import pytest

from keras_sphere.command_line.job import Job
from keras_sphere.command_line.model_source import ModelDescription
from keras_sphere.command_line.parsing import parse
from keras_sphere.command_line.picture_settings import read_picture_settings
from keras_sphere.command_line.runs import inpaint
from keras_sphere.command_line.tasks import TASKS
from tests.command_line.conftest import pixels

# Flags beside --preset and --seed, images among them by place in `digit_files`, and
# the rows and columns of the picture in bare images.
CASES = {
    "generate": (["--classes=3,8", "--num_images=6", "--steps=2"], [], (2, 3)),
    "reconstruct": (["--strength=0,1", "--label=3"], [0], (1, 3)),
    "variations": (
        ["--strength=0.2,0.8", "--num_variations=3", "--label=3,8"],
        [0, 1],
        (4, 4),
    ),
    "interpolate": (
        ["--classes=3,8", "--paths=2", "--num_images=4", "--steps=2"],
        [],
        (2, 4),
    ),
    "walk": (["--label=3", "--num_images=5", "--steps=2"], [], (1, 5)),
    "crossover": (["--pattern=all", "--steps=2"], [0, 1], (4, 5)),
    "classes": (["--classes=8,0", "--steps=2", "--guidance_scale=2"], [0], (2, 3)),
    "direction": (["--num_images=2", "--steps=2"], ["direction_image"], (2, 3)),
    "inpaint": (["--hide=left", "--strengths=0.3,0"], [0, 2], (2, 4)),
    "super-resolve": (["--shrink", "--strengths=0.1"], [0, 1], (2, 4)),
    "denoise": (["--add_noise", "--sigma=0.4"], [0, 1], (2, 3)),
}

BARE = ("--nocaptions", "--scale=1", "--batch_size=4")


def words(task, digit_files, *flags):
    given, images, _ = CASES[task]
    files = [
        f"--direction_image={digit_files[3]}"
        if place == "direction_image"
        else f"--image={digit_files[place]}"
        for place in images
    ]
    return (
        task,
        "--preset=digits16",
        "--seed=4",
        "--batch_size=4",
        *given,
        *files,
        *flags,
    )


def test_every_task_that_draws_has_a_case():
    others = {
        "again",
        "evaluate",
        "export",
        "presets",
        "report",
        "serve",
        "train",
        "web",
    }
    assert set(CASES) == set(TASKS) - others


@pytest.mark.parametrize("task", CASES)
def test_pictures(task, succeed, digit_files, tmp_path):
    bare = ("--nocaptions", "--scale=1", "--output=a.png")
    succeed(*words(task, digit_files, *bare))
    rows, columns = CASES[task][2]
    picture = pixels("a.png")
    assert picture.shape == (16 * rows, 16 * columns)
    assert np.std(picture) > 20
    recorded = read_picture_settings("a.png")
    assert recorded.task == task
    assert recorded.flags["seed"] == 4
    used = [
        p for p in digit_files if any(str(p) in w for w in words(task, digit_files))
    ]
    assert set(recorded.inputs) == set(map(str, used))
    succeed("again", "a.png")
    np.testing.assert_array_equal(pixels("a_again.png"), picture)


@pytest.mark.parametrize("task", CASES)
def test_captions(task, succeed, digit_files, tmp_path):
    """At its own size, with names where there are some: larger than the images."""
    succeed(*words(task, digit_files))
    assert [path.name for path in tmp_path.iterdir()] == [f"{task}.png"]
    rows, columns = CASES[task][2]
    height, width = pixels(f"{task}.png").shape
    assert height > 48 * rows
    assert width > 48 * columns


@pytest.mark.parametrize("task", sorted(set(CASES) - {"reconstruct"}))
def test_several_guidance_scales_are_panels(task, succeed, digit_files):
    flags = ("--nocaptions", "--scale=1", "--output=a.png", "--guidance_scale=1,2")
    succeed(*words(task, digit_files, *flags))
    rows, columns = CASES[task][2]
    assert pixels("a.png").shape == (16 * rows, 2 * 16 * columns)


def test_known_pixels_stay(succeed, digit_files):
    succeed(*words("inpaint", digit_files, "--nocaptions", "--scale=1"))
    picture = pixels("inpaint.png")
    image, known, mean, filled = np.split(picture, 4, axis=1)
    for other in (known, mean, filled):
        np.testing.assert_array_equal(other[:, 8:], image[:, 8:])
    assert np.all(known[:, :8] == 128)
    assert np.any(filled[:, :8] != mean[:, :8])


def test_inpaint_finds_the_classes(succeed, digit_files):
    """Says which, shows them, and does what is done with these labels."""
    files = [f"--image={path}" for path in digit_files]
    flags = ("--preset=digits16", "--hide=top", "--seed=1", *files)
    output = succeed("inpaint", *flags, "--output=found.png")
    assert "known pixels fit best: 3, 8, 5, 4. --label=..." in output
    assert read_picture_settings("found.png").flags["label"] == "best"
    found, given = reached(output), {}
    for label in ("3,8,5,4", "none"):
        given[label] = succeed(
            *("inpaint", *flags, f"--label={label}", f"--output={label[0]}.png")
        )
        assert "fit best" not in given[label]
    assert found == reached(given["3,8,5,4"])
    assert found["inpainted"] > reached(given["none"])["inpainted"] + 1.0
    assert found["inpainted"] > found["mean"] + 3.0
    assert pixels("found.png").shape[1] > pixels("3.png").shape[1]


def reached(output):
    """The PSNR of every column that a restoration printed."""
    return {
        name: float(value)
        for name, value in re.findall(r"(\w+): PSNR ([\d.]+) dB", output)
    }


def test_inpaint_says_that_it_tries_no_class_of_many(capsys):
    description = ModelDescription(16, 1, 21, (4, 8), {})
    task = TASKS["inpaint"]
    images = {"image": np.zeros((1, 16, 16, 1), "uint8")}
    for words, said in (([], True), (["--label=3"], False), (["--label=none"], False)):
        settings = parse(task, ["--preset=x", "--image=y", *words]).settings
        inpaint.plan(Job(settings, description, images))
        assert ("Of 21 classes none is tried" in capsys.readouterr().out) == said


def test_masks_from_files(succeed, digit_files, tmp_path):
    mask = np.zeros((16, 16), "uint8")
    mask[:, :4] = 255
    PIL.Image.fromarray(mask).save("mask.png")
    bare = ("--nocaptions", "--scale=1", "--mask=mask.png")
    succeed(*words("inpaint", digit_files, *bare))
    known = pixels("inpaint.png")[:, 16:32]
    assert np.all(known[:, 4:] == 128)
    succeed(*words("crossover", digit_files, *bare))
    first, second, stitched = np.split(pixels("crossover.png")[:, :48], 3, axis=1)
    np.testing.assert_array_equal(stitched[:, :4], first[:, :4])
    np.testing.assert_array_equal(stitched[:, 4:], second[:, 4:])
    assert "mask.png" in read_picture_settings("crossover.png").inputs


def test_restoration_says_what_it_reached(succeed, digit_files):
    output = succeed(*words("denoise", digit_files))
    assert "noisy: PSNR " in output
    assert "denoised: PSNR " in output


def test_small_images_are_enlarged(succeed, digit_files):
    with PIL.Image.open(digit_files[0]) as image:
        image.resize((8, 8), PIL.Image.Resampling.BOX).save("small.png")
    flags = ("--image=small.png", "--nocaptions", "--scale=1", "--fit=exact")
    succeed("super-resolve", "--preset=digits16", *flags)
    assert pixels("super-resolve.png").shape == (16, 48)


def test_fixed_latent_moves_the_class_alone(succeed):
    flags = (*BARE, "--fixed_latent", "--steps=1", "--seed=2")
    succeed("interpolate", "--preset=digits16", "--classes=3", *flags)
    first, *others = np.split(pixels("interpolate.png"), 9, axis=1)
    assert all(np.array_equal(first, other) for other in others)
    flags = (*flags, "--overwrite")
    succeed("interpolate", "--preset=digits16", "--classes=3,8", *flags)
    moved = np.split(pixels("interpolate.png"), 9, axis=1)
    np.testing.assert_array_equal(moved[0], first)
    assert np.any(moved[-1] != first)


def test_ends_are_the_images_of_their_seeds(succeed):
    flags = ("--preset=digits16", "--classes=5", "--steps=1", *BARE)
    succeed("interpolate", *flags, "--seeds=11,12")
    for place, seed in ((0, 11), (-1, 12)):
        succeed("generate", *flags, "--num_images=1", f"--seed={seed}", "--overwrite")
        end = np.split(pixels("interpolate.png"), 9, axis=1)[place]
        difference = end.astype(int) - pixels("generate.png")
        assert np.max(np.abs(difference)) <= 1


def test_squares(succeed):
    flags = ("--method=blerp", "--num_images=3", "--classes=0,1,2,3", "--steps=1")
    succeed("interpolate", "--preset=digits16", *flags, *BARE)
    assert pixels("interpolate.png").shape == (48, 48)


@pytest.mark.parametrize(
    ("layout", "output", "size"),
    [
        ("strip", "a.png", (16, 80)),
        ("grid", "a.png", (32, 48)),
        ("animation", "a.gif", (16, 16)),
        ("animation", "a.png", (16, 16)),
    ],
)
def test_layouts_of_a_walk(succeed, layout, output, size):
    flags = ("--num_images=5", "--steps=1", *BARE)
    succeed(
        *("walk", "--preset=digits16", f"--layout={layout}", f"--output={output}"),
        *flags,
    )
    with PIL.Image.open(output) as picture:
        assert (picture.height, picture.width) == size
        assert getattr(picture, "n_frames", 1) == (5 if layout == "animation" else 1)
    succeed("again", output)
    again = output.replace("a.", "a_again.")
    with PIL.Image.open(output) as one, PIL.Image.open(again) as other:
        for frame in range(getattr(one, "n_frames", 1)):
            one.seek(frame)
            other.seek(frame)
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("walk --layout=animation --output=a.jpg", "must end in .gif or .png"),
        ("walk --label=3,8", "one class, or one for each of the 1 images"),
        ("interpolate --classes=1,2,3", "one class, or 2"),
        ("interpolate --method=blerp --classes=1,2", "one class, or 4"),
        ("interpolate --seeds=1,2,3", "--seeds takes 2 seeds for every path"),
        ("interpolate --method=blerp --paths=2", "--paths must be 1"),
        ("crossover --image=DIGIT", "Give --image twice"),
        ("classes --image=DIGIT --classes=12", "classes from 0 to 9"),
        ("variations --image=DIGIT --strength=1 --angle_degrees=9", "not both"),
        (
            "super-resolve --image=DIGIT --factor=3",
            "must divide the model's image size",
        ),
        ("inpaint --image=DIGIT --mask=none.png", "there is no such file"),
        ("reconstruct --image=DIGIT --label=1,2", "for each of the 1 images"),
        ("denoise --image=DIGIT --sigma=nan", "--sigma=nan"),
        ("direction --direction_image=DIGIT --direction_label=10", "from 0 to 9"),
    ],
)
def test_errors(command, digit_files, tmp_path, words, message):
    task, *flags = words.replace("DIGIT", str(digit_files[0])).split()
    status, _, errors = command(task, "--preset=digits16", *flags)
    assert status in (1, 2)
    assert errors.startswith("Error: ")
    assert message in errors
    assert not list(tmp_path.iterdir())
