"""Help, and commands that are not understood."""

import os
import pathlib
import re
import subprocess
import sys

import keras
import pytest

from keras_sphere.command_line import main
from keras_sphere.command_line.parsing import as_words, parse
from keras_sphere.command_line.tasks import TASKS

ROOT = pathlib.Path(__file__).parents[2]


def start(*words, options=()):
    """Runs `python -m keras_sphere` as a user does."""
    return subprocess.run(
        [sys.executable, *options, "-m", "keras_sphere", *words],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "KERAS_BACKEND": keras.backend.backend(),
            "PYTHONPATH": str(ROOT),
        },
    )


def test_help_lists_every_task_in_a_line(capsys):
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 88 for line in lines)
    for task in TASKS.values():
        assert any(
            line.split(maxsplit=1) == [task.name, task.summary] for line in lines
        )


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_help_of_a_task_lists_its_flags(task, capsys):
    assert main([task.name, "--help=all"]) == 0
    text = capsys.readouterr().out
    assert task.summary in text
    assert task.example in text
    values = task.flag_values()
    for name in values:
        assert f"--{name}=" in text or f"--[no]{name}\n" in text
        assert len(values[name].help) > 8
    assert "Default: ." not in text
    assert "repeat this option" not in " ".join(text.split())


def test_a_reader_that_stops_early():
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "keras_sphere", "generate", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


def imports(result):
    """The modules that a process started with `-X importtime` imported."""
    return {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--help"], 0),
        (["generate", "--help"], 0),
        (["generate", "--stepz=1"], 2),
        (["presets", "digits16"], 0),
    ],
)
def test_what_needs_no_model_does_not_import_keras(words, status):
    result = start(*words, options=["-X", "importtime"])
    assert result.returncode == status
    assert "keras_sphere.command_line.tasks" in imports(result)
    assert not imports(result) & {"keras", "jax", "tensorflow", "torch", "PIL"}
    if words[0] == "presets":
        assert "parameters: 1,062,562" in result.stdout


def test_a_task_runs_as_a_user_runs_it(tmp_path):
    """It imports nothing big that it does not need."""
    output = tmp_path / "a.png"
    flags = ("--preset=digits16", "--num_images=1", "--steps=1", f"--output={output}")
    result = start("generate", *flags, options=["-X", "importtime"])
    assert result.returncode == 0, result.stderr
    assert output.is_file()
    # (An import that fails is listed, too: these are parts of what must be inside.)
    big = {"jax.numpy", "torch.nn", "tensorflow.python"}
    big |= {"matplotlib.cm", "sklearn.base"}
    found = {name.split(".")[0] for name in imports(result) & big}
    assert found == {keras.backend.backend()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["generat"],
            r"no task of that name. Did you mean generate\? Tasks: generate,",
        ),
        (["xyz"], r"no task of that name. Tasks: generate,"),
        (["generate", "--stepz=1"], r"no flag --stepz. Did you mean steps"),
        (["generate", "--preset=digits16", "--steps=0"], r"--steps=0: must be comma"),
        (["generate", "--preset=digits16", "--steps=1,x"], r"--steps=1,x: must be"),
        (["generate", "--preset=digits16", "--guidance_scale=nan"], r"must be comma"),
        (["generate", "--preset=digits16", "--seed=-1"], r"--seed=-1: -1 is not"),
        (["generate", "--preset=digits16", "--schedule=x"], r"one of <fixed\|decay>"),
        (["generate", "--preset=digits16", "--flagfile=x"], r"no such flag"),
        (["generate", "--preset=digits16", "extra"], r"flags only. Received: extra"),
        (["generate"], r"generate needs --preset, for example"),
        (["reconstruct"], r"needs --preset and --image, for example"),
        (["again"], r"again takes PICTURE. Received: nothing"),
    ],
)
def test_commands_that_are_not_understood(words, message, capsys):
    assert main(words) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("Error: ")
    assert re.search(message, errors)


def test_settings_as_words_and_back():
    words = ["--preset=a b", "--steps=1,4", "--guidance_scale=1,1.5", "--nocaptions"]
    task = TASKS["generate"]
    settings = parse(task, [*words, "--classes=all", "--use_ema"]).settings
    assert settings["steps"] == [1, 4]
    assert settings["captions"] is False
    assert parse(task, as_words(task, settings)).settings == settings
