"""`--refiner`: pictures and numbers by a loop without pixels."""

import numpy as np
import pytest

from keras_sphere import LatentRefiner
from keras_sphere.visualization.image_grid import to_uint8
from tests.command_line.test_generate import BARE, tiles
from tests.testing import perturb_weights

GENERATE = ("generate", "--classes=3,7", "--num_images=4", "--seed=5", "--steps=3")


@pytest.fixture(scope="module")
def refiner(tmp_path_factory):
    """A refiner of digits16, and a folder that holds it as a distillation would."""
    from keras_sphere.command_line.model_source import ModelSource
    from tests.command_line.conftest import load_once

    model = load_once(ModelSource("digits16"))
    size = {"hidden_dim": 16, "num_layers": 1, "num_heads": 1}
    refiner, folder = LatentRefiner.of(model, size=size), tmp_path_factory.mktemp("run")
    perturb_weights(refiner)
    refiner.save(folder / "refiner.keras")
    return refiner, folder


def test_a_picture_and_the_same_again(succeed, command, digits16, refiner):
    refiner, folder = refiner
    flags = (*BARE, f"--refiner={folder}")
    succeed(*GENERATE, "--preset=digits16", *flags, "--output=a.png")
    labels = np.repeat([3, 7], 2)
    expected = digits16.generate(labels=labels, seed=5, steps=3, refiner=refiner)
    difference = tiles("a.png").astype(int) - to_uint8(expected)
    assert np.max(np.abs(difference)) <= 1
    succeed(*GENERATE, "--preset=digits16", *BARE, "--output=pixels.png")
    assert np.any(tiles("a.png") != tiles("pixels.png"))
    succeed("again", "a.png")
    np.testing.assert_array_equal(tiles("a_again.png"), tiles("a.png"))
    file = folder / "refiner.keras"
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    status, _, errors = command("again", "a.png", "--output=b.png")
    file.write_bytes(content)
    assert status != 0
    assert "has changed since the picture was made" in errors


def test_a_preset_that_holds_one(succeed, digits16, refiner, tmp_path):
    refiner, folder = refiner
    digits16.attach_refiner(refiner)
    digits16.save_to_preset(tmp_path / "digits")
    digits16.attach_refiner(None)
    for place in ("preset", tmp_path / "digits", folder / "refiner.keras"):
        flags = (*BARE, f"--refiner={place}", "--overwrite")
        succeed(*GENERATE, f"--preset={tmp_path}/digits", *flags, "--output=a.png")
        labels = np.repeat([3, 7], 2)
        expected = digits16.generate(labels=labels, seed=5, steps=3, refiner=refiner)
        difference = tiles("a.png").astype(int) - to_uint8(expected)
        assert np.max(np.abs(difference)) <= 1


def test_files_and_numbers(succeed, refiner):
    _, folder = refiner
    flags = (f"--refiner={folder}", "--batch_size=4", "--output=images")
    succeed(*GENERATE, "--preset=digits16", *flags)
    output = succeed(
        *("evaluate", "--preset=digits16", "--data=digits", "--network=digits"),
        *("--num_images=20", "--steps=1,2", "--metrics=frechet", "--output=numbers"),
        f"--refiner={folder}",
    )
    lines = output.splitlines()
    rows = [x for x in lines if x.startswith("generated") and not x.endswith(":")]
    assert len(rows) == 3  # a single step has no place for a refiner
    assert sum("generated, refiner" in row for row in rows) == 1
    assert "Refiner: " in output
