"""`train` on the command line, and what it leaves for the other tasks."""

import pytest

from keras_sphere.command_line import main
from keras_sphere.command_line.training_flags import COMMON, training_options
from tests.training.drawn_photos import write_photos

TINY = (
    *("--image_size=16", "--hidden_dim=16", "--num_layers=1", "--num_heads=2"),
    *("--perceptual=gradient", "--hours=1e-5", "--verbose=0", "--max_steps=2"),
)


def test_three_commands(tmp_path, capsys):
    photos, run = write_photos(tmp_path / "photos"), tmp_path / "runs" / "photos"
    command = ["train", str(photos), f"--output={run}", *TINY]
    assert main([*command, "--data_license=CC0-1.0"]) == 0
    output = capsys.readouterr().out
    next_command = output.splitlines()[-1].split("python -m keras_sphere ")[1]
    assert next_command == f"generate --preset={run} --classes=all"
    picture = tmp_path / "samples.png"
    assert main([*next_command.split(), "--steps=1", f"--output={picture}"]) == 0
    assert picture.is_file()
    card = (run / "preset" / "README.md").read_text()
    assert "30 images" in card
    assert "CC0-1.0" in card
    assert main(command) == 0  # there is nothing left to do, which is no mistake


@pytest.mark.any_backend
def test_help_lists_what_people_change(capsys):
    assert main(["train", "--help"]) == 0
    few = capsys.readouterr().out
    assert main(["train", "--help=all"]) == 0
    many = capsys.readouterr().out
    assert 10 <= len(COMMON) <= 18
    for name in COMMON:
        assert f"--{name}" in few or f"--[no]{name}" in few
    for field in training_options():
        assert f"--{field.name}" in many or f"--[no]{field.name}" in many
    assert "--rematerialize_every" not in few
    assert f"--help=all lists {len(training_options()) + 2 - len(COMMON)}" in few


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["photos", "--dataset=other"], 2, "named once"),
        (["photos", "more"], 2, "takes [DATA]"),
        (["photos", "--hourz=2"], 2, "hours"),
        (["photos", "--distribution=many"], 2, "data_parallel"),
        (["nowhere/at/all"], 1, "a path that exists"),
        ([], 1, "choose `dataset`"),
    ],
)
def test_mistakes(words, status, message, capsys):
    assert main(["train", *words]) == status
    assert message in capsys.readouterr().err
