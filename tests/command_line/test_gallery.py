"""The gallery's commands, and the pictures that they made."""

import pathlib
import re
import sys

import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest

from keras_sphere.command_line.parsing import as_words, find_task, parse
from keras_sphere.command_line.picture_settings import read_picture_settings
from keras_sphere.command_line.tasks import TASKS

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))

import make_gallery

ROOT = make_gallery.ROOT
COMMANDS = make_gallery.read_commands(make_gallery.PAGE)
PICTURES = [words for words in COMMANDS if words[0] != "again"]


def output_of(words):
    (output,) = (word for word in words if word.startswith("--output="))
    return ROOT / output.removeprefix("--output=")


def frames(path):
    with PIL.Image.open(path) as image:
        return [np.array(f.convert("RGB")) for f in PIL.ImageSequence.Iterator(image)]


def test_every_task_has_its_picture():
    assert {words[0] for words in COMMANDS} == set(TASKS) - {
        "evaluate",
        "export",
        "presets",
        "report",
        "serve",
        "train",
        "web",
    }
    shown = set(
        re.findall(r"\]\(images/gallery/(.*?)\)", make_gallery.PAGE.read_text())
    )
    assert shown == {output_of(words).name for words in COMMANDS}


@pytest.mark.parametrize("words", PICTURES, ids=lambda words: output_of(words).stem)
def test_pictures_are_of_their_commands(words):
    """The flags printed on the page are those that the picture records."""
    path = output_of(words)
    assert path.stat().st_size < 60_000
    recorded, task = read_picture_settings(path), find_task(words[0])
    settings = parse(task, words[1:]).settings
    assert recorded.task == words[0]
    again = parse(task, as_words(task, recorded.flags)).settings
    for name, value in settings.items():
        if value is not None and name not in ("output", "overwrite"):
            assert again[name] == value, name


def test_again_gave_the_same_picture():
    (words,) = (words for words in COMMANDS if words[0] == "again")
    first, second = frames(ROOT / words[1]), frames(output_of(words))
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
@pytest.mark.parametrize("words", PICTURES, ids=lambda words: output_of(words).stem)
def test_commands_make_their_pictures(succeed, tmp_path, monkeypatch, words):
    """Whatever the backend: several steps enlarge differences of rounding."""
    monkeypatch.chdir(ROOT)
    output = tmp_path / output_of(words).name
    flags = [word for word in words if not word.startswith("--output=")]
    succeed(*flags, f"--output={output}")
    difference = np.subtract(frames(output), frames(output_of(words)), dtype="float32")
    assert np.mean(np.abs(difference)) < 1.0
