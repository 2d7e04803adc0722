"""The scripts that use a trained model, as users run them."""

import pathlib
import re
import runpy
import shlex
import sys

import PIL.Image
import pytest

from keras_sphere.command_line.picture_settings import read_picture_settings
from keras_sphere.command_line.tasks import TASKS

ROOT = pathlib.Path(__file__).parents[2]
SCRIPTS = {
    name: ROOT / "examples" / f"{name.replace('-', '_')}.py"
    for name in TASKS
    if name not in ("again", "presets", "train")
}


def run(script, words, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(script), *words])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(script), run_name="__main__")
    return caught.value.code


def example_of(script):
    """The flags of the command in a script's header."""
    text = script.read_text().replace("\\\\\n", " ")
    (command,) = re.findall(rf"^ +python examples/{script.name} (.*)$", text, re.M)
    return shlex.split(command)


@pytest.mark.parametrize("task", SCRIPTS)
def test_help(task, monkeypatch, capsys):
    assert run(SCRIPTS[task], ["--help"], monkeypatch) == 0
    assert f"Usage: python -m keras_sphere {task} " in capsys.readouterr().out


def check(task, tmp_path, monkeypatch):
    script = SCRIPTS[task]
    output = tmp_path / re.search(r"writes `(.*?)`", script.read_text())[1]
    words = [word.replace("docs/", f"{ROOT}/docs/") for word in example_of(script)]
    monkeypatch.chdir(tmp_path)
    assert run(script, words, monkeypatch) == 0
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    assert read_picture_settings(output).task == task
    with PIL.Image.open(output) as picture:
        assert picture.width >= 48


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("task", ["reconstruct"])
def test_the_command_in_the_header(task, tmp_path, monkeypatch):
    check(task, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize(
    "task",
    sorted(
        set(SCRIPTS) - {"reconstruct", "evaluate", "export", "report", "serve", "web"}
    ),
)
def test_the_commands_in_the_other_headers(task, tmp_path, monkeypatch):
    check(task, tmp_path, monkeypatch)
