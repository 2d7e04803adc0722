"""The tasks `evaluate` and `report`."""

import json
import pathlib
import signal

import pytest

from keras_sphere.command_line import evaluation

DIGITS = ("--preset=digits16", "--data=digits", "--network=digits", "--num_images=20")


def test_evaluate(succeed, command):
    words = ("evaluate", *DIGITS, "--steps=1,2", "--metrics=frechet,psnr")
    text = succeed(*words, "--output=first")
    content = json.loads(pathlib.Path("first/evaluation.json").read_text())
    assert [row["settings"].get("steps") for row in content["rows"][:2]] == [1, 2]
    assert "recall" in content["rows"][0]["values"]
    assert content["rows"][2]["values"]["psnr"] > 20
    assert pathlib.Path("first/evaluation.txt").read_text().strip() in text
    assert pathlib.Path("first/evaluation.png").exists()
    status, _, errors = command(*words, "--output=first")
    assert status == 1
    assert "--overwrite" in errors
    other = ("evaluate", *DIGITS[:3], "--num_images=10", "--metrics=frechet")
    status, _, errors = command(*other, "--join=first", "--output=second")
    assert status == 1
    assert "images: [10] and [20]" in errors
    assert pathlib.Path("second/evaluation.json").exists()
    joined = ("--join=first", "--allow_incomparable", "--overwrite")
    text = succeed(*other, *joined, "--output=second")
    assert "generated (not comparable)" in text


def test_an_interrupt_keeps_what_was_measured(command, monkeypatch):
    """Ctrl-C while the second number of steps is measured."""
    begun = []

    def tick(self, name, done, total):
        begun.append(name)
        if begun.count("generated") == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(evaluation.Progress, "__call__", tick)
    words = ("evaluate", *DIGITS, "--steps=1,2", "--metrics=frechet")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status, _, errors = command(*words, "--stop_when_worse=3", "--output=numbers")
    finally:
        signal.signal(signal.SIGINT, before)
    assert status == 130
    assert "Wrote what was measured: numbers" in errors
    content = json.loads(pathlib.Path("numbers/evaluation.json").read_text())
    assert [row["settings"]["steps"] for row in content["rows"]] == [1]


def test_runs_side_by_side(succeed, command):
    for name in ("one", "two"):
        folder = pathlib.Path(name)
        folder.mkdir()
        plan = {"plan": {"seed": len(name), "preset": name}}
        (folder / "plan.json").write_text(json.dumps(plan))
    text = succeed("report", "one", "two", "--output=both.html")
    assert "What differs in the plans" in text
    assert "preset" in pathlib.Path("both.html").read_text()
    for words, message in (
        (("one", "two"), "report needs --output"),
        (("one", "three", "--output=a.html"), "Received: three"),
        (("one", "two", "--output=a.html", "--data=digits"), "--data=digits"),
    ):
        status, _, errors = command("report", *words)
        assert status in (1, 2)
        assert message in errors


def test_images_of_a_folder(succeed, command, digit_files):
    folder = pathlib.Path(digit_files[0]).parent
    words = ("evaluate", f"--images={folder}", *DIGITS[1:3], "--metrics=frechet")
    text = succeed(*words, "--image_size=16", "--output=numbers")
    assert "images" in text
    status, _, errors = command(*words, "--preset=digits16", "--output=other")
    assert status == 2
    assert "Give --preset, --images or --onnx, one of them" in errors


@pytest.mark.slow
def test_report(succeed):
    succeed("report", *DIGITS, "--steps=1", "--output=report.html")
    assert "<h1>digits16</h1>" in pathlib.Path("report.html").read_text()


def test_bad_flags(command):
    status, _, errors = command(
        "report", *DIGITS, "--held_out_split=none", "--output=a"
    )
    assert status == 2
    assert "held-out" in errors
    status, _, errors = command("evaluate", *DIGITS, "--metrics=fid", "--output=a")
    assert status == 1
    assert "Received: ['fid']" in errors
