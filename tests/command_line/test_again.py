"""Pictures made again, and pictures from people who mean no good."""

import json
import shutil

import numpy as np
import PIL.Image
import pytest

from keras_sphere import presets
from keras_sphere.command_line.picture_settings import read_picture_settings
from keras_sphere.visualization import read_image_text, save_image
from tests.command_line.conftest import pixels, save_model
from tests.tiny_models import new_model

GENERATE = (
    *("generate", "--preset=digits16", "--num_images=4", "--steps=1"),
    "--batch_size=4",
)


def rewrite(path, **changes):
    """Changes the settings in a picture, as anybody could."""
    content = json.loads(read_image_text(path)["keras_sphere"])
    flags = {**content["flags"], **changes.pop("flags", {})}
    content.update(flags=flags, **changes)
    save_image(path, pixels(path), {"keras_sphere": json.dumps(content)})


def test_a_random_seed_comes_again(succeed, tmp_path):
    succeed(*GENERATE, "--output=a.png")
    succeed("again", "a.png")
    np.testing.assert_array_equal(pixels("a_again.png"), pixels("a.png"))
    succeed(*GENERATE, "--output=b.png")
    assert np.any(pixels("b.png") != pixels("a.png"))
    assert read_picture_settings("a_again.png") == read_picture_settings("a.png")


def test_the_picture_stays(command, succeed, tmp_path):
    succeed(*GENERATE, "--output=a.png")
    before = (tmp_path / "a.png").read_bytes()
    status, _, errors = command("again", "a.png", "--output=a.png")
    assert status == 1
    assert "--overwrite replaces it" in errors
    assert (tmp_path / "a.png").read_bytes() == before
    succeed("again", "a.png")
    assert command("again", "a.png")[0] == 1
    succeed("again", "a.png", "--overwrite")
    succeed("again", "a.png", "--output=a.png", "--overwrite")


def test_another_backend_is_said(succeed):
    succeed(*GENERATE, "--output=a.png")
    rewrite("a.png", backend="numpy")
    assert "made on numpy; on" in succeed("again", "a.png")


def test_a_moved_model(command, succeed, digits16, tmp_path):
    digits16.save_to_preset(tmp_path / "one", dtype="float16")
    succeed(*GENERATE, "--preset=one", "--output=a.png")
    shutil.move(tmp_path / "one", tmp_path / "two")
    assert "no preset or folder of that name" in command("again", "a.png")[2]
    succeed("again", "a.png", "--preset=two")
    np.testing.assert_array_equal(pixels("a_again.png"), pixels("a.png"))


def test_other_weights_are_refused(command, succeed, tmp_path):
    succeed(*GENERATE, "--output=a.png")
    model = presets.load("digits16", weights=False)
    model.save_to_preset(tmp_path / "other")
    status, _, errors = command("again", "a.png", "--preset=other")
    assert status == 1
    assert "not those that made the picture" in errors


def test_inputs_must_be_the_same(command, succeed, digit_files, tmp_path):
    shutil.copy(digit_files[0], "in.png")
    succeed("reconstruct", "--preset=digits16", "--image=in.png", "--output=a.png")
    succeed("again", "a.png")
    np.testing.assert_array_equal(pixels("a_again.png"), pixels("a.png"))
    shutil.copy(digit_files[1], "in.png")
    status, _, errors = command("again", "a.png", "--output=b.png")
    assert status == 1
    assert "in.png has changed since the picture was made" in errors
    (tmp_path / "in.png").unlink()
    status, _, errors = command("again", "a.png", "--output=b.png")
    assert status == 1
    assert "in.png, which the picture was made from, is missing" in errors


def test_a_keras_file(command, succeed, tmp_path):
    """Raw and averaged weights, and a file that was trained on."""
    save_model(tmp_path / "model.keras", new_model())
    flags = ("--preset=model.keras", "--seed=1", "--classes=all", "--num_images=4")
    succeed(*GENERATE, *flags, "--output=raw.png")
    succeed(*GENERATE, *flags, "--use_ema", "--output=ema.png")
    assert pixels("raw.png").shape[-1] == 3
    assert np.any(pixels("raw.png") != pixels("ema.png"))
    succeed("again", "ema.png")
    np.testing.assert_array_equal(pixels("ema_again.png"), pixels("ema.png"))
    save_model(tmp_path / "model.keras", new_model(max_angle_degrees=70.0))
    status, _, errors = command("again", "ema.png", "--output=new.png")
    assert status == 1
    assert "not those that made the picture" in errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "rm"}, "no task of that name"),
        ({"task": "again"}, "must record flags of the task again"),
        ({"task": "presets"}, "must record flags of the task presets"),
        ({"flags": {"output": "x.png"}}, "must record flags of the task generate"),
        ({"flags": {"overwrite": True}}, "must record flags of the task generate"),
        ({"flags": {"flagfile": "/etc/passwd"}}, "must record flags of the task"),
        ({"flags": {"steps": [10**9]}}, "--steps=1000000000: must be comma-separated"),
        ({"flags": {"steps": "1,x"}}, "--steps=1,x: must be comma-separated"),
        ({"flags": {"batch_size": 10**9}}, "--batch_size=1000000000"),
        ({"flags": {"seed": 1.5}}, "--seed=1.5"),
        ({"flags": {"seed": [1]}}, "value of another kind"),
        ({"flags": {"captions": "maybe"}}, "--captions=maybe"),
        ({"flags": {"preset": ["digits16"]}}, "must record its preset"),
        ({"flags": {"preset": None}}, "must record its preset"),
        ({"flags": {"preset": "hf://evil/model"}}, "preset of the network"),
        ({"flags": {"scale": 64, "num_images": 10**6}}, "at most 100,000,000 pixels"),
        ({"flags": {"schedule": {"a": 1}}}, "must hold settings as keras_sphere"),
        ({"flags": {"preset": "x" * 5000}}, "must hold settings as keras_sphere"),
        ({"weights_sha256": "0" * 64}, "not those that made the picture"),
        ({"inputs": []}, "must hold settings as keras_sphere"),
        ({"format_version": 2}, "must hold settings as keras_sphere"),
        ({"more": 1}, "must hold settings as keras_sphere"),
    ],
)
def test_foreign_settings(command, succeed, tmp_path, changes, message):
    succeed(*GENERATE, "--output=a.png")
    rewrite("a.png", **changes)
    status, _, errors = command("again", "a.png")
    assert status in (1, 2)
    assert errors.startswith("Error: ")
    assert message in errors
    assert len(errors) < 1000
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    "text", ["{", "[1, 2]", "NaN", '{"a": NaN}', "9" * 5000, "[" * 50_000, "x" * 70_000]
)
def test_text_that_holds_no_settings(command, tmp_path, text):
    save_image(tmp_path / "a.png", np.zeros((4, 4), "uint8"), {"keras_sphere": text})
    status, _, errors = command("again", "a.png")
    assert status == 1
    assert errors.startswith("Error: a.png ")
    assert len(errors) < 300


def test_files_that_hold_no_settings(command, tmp_path):
    PIL.Image.new("L", (4, 4)).save(tmp_path / "plain.png")
    assert "holds no settings" in command("again", "plain.png")[2]
    (tmp_path / "text.png").write_text("text")
    assert "text.png is not a PNG or GIF file" in command("again", "text.png")[2]
    assert "none.png" in command("again", "none.png")[2]
