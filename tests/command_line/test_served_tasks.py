"""What a page gets is what the command beside it makes."""

import base64
import json
import shlex

import numpy as np
import PIL.Image
import pytest

from keras_sphere.command_line.model_source import ModelSource
from keras_sphere.command_line.parsing import find_task, parse
from keras_sphere.command_line.runs.serve import new_drawing
from keras_sphere.command_line.served.sphere_pictures import read_diagnosis
from tests.command_line.conftest import pixels, save_model
from tests.tiny_models import new_model

BATCH_SIZE = 4
LOOP = {"steps": 2, "guidance_scale": 1.2, "seed": 3}
CASES = [
    ("generate", 0, False, {**LOOP, "num_images": 6, "classes": "3,5,7"}),
    ("inpaint", 1, True, {"label": "3"}),
    *(
        pytest.param(*case, marks=pytest.mark.slow)
        for case in [
            (
                "generate",
                0,
                False,
                {"seed": 3, "num_images": 6, "class_mix": "3:1,8:2"},
            ),
            ("generate", 0, False, {**LOOP, "num_images": 5, "show_steps": True}),
            ("generate", 0, False, {**LOOP, "num_images": 6, "numbers": "5"}),
            ("inpaint", 1, True, {"seed": 3, "label": "best"}),
            ("interpolate", 0, False, {**LOOP, "seeds": "1,2", "num_images": 4}),
            ("walk", 1, False, {**LOOP, "num_images": 3, "angle_degrees": 30.0}),
            ("reconstruct", 1, False, {"seed": 3, "strength": 0.4}),
            ("variations", 1, False, {**LOOP, "num_variations": 3, "label": "3"}),
            ("crossover", 2, False, {**LOOP, "pattern": "diagonal"}),
            ("crossover", 2, True, {**LOOP, "swap": True}),
            ("classes", 1, False, {**LOOP, "classes": "8", "strength": 0.3}),
        ]
    ),
]


def serve(preset, model=None, *words):
    """What serves a preset, or an equal model that is loaded already."""
    words = [f"--preset={preset}", f"--batch_size={BATCH_SIZE}", *words]
    source = ModelSource(str(preset))
    drawing = new_drawing(source, parse(find_task("serve"), words).settings)
    drawing.model = model or source.load()
    return drawing


@pytest.fixture
def drawing(digits16):
    return serve("digits16", digits16)


def text_of(array):
    return base64.b64encode(array.tobytes()).decode()


def array_of(text):
    return np.frombuffer(base64.b64decode(text), "uint8").reshape(16, 16)


def tiles(picture):
    """The images of a bare picture, row by row."""
    rows, columns = (length // 16 for length in picture.shape)
    return picture.reshape(rows, 16, columns, 16).swapaxes(1, 2).reshape(-1, 16, 16)


def ask(drawing, task, images=(), mask=None, tell=lambda progress: None, **flags):
    asked = {"task": task, "flags": flags, "images": {}}
    if images:
        asked["images"]["image"] = [
            {"name": path.name, "pixels": text_of(pixels(path))} for path in images
        ]
    if mask is not None:
        asked["images"]["mask"] = [{"name": "the mask.png", "pixels": text_of(mask)}]
    return drawing.read(json.dumps(asked).encode())(tell)


@pytest.mark.parametrize(("task", "num_images", "with_mask", "flags"), CASES, ids=str)
def test_the_command_makes_the_same(
    task, num_images, with_mask, flags, drawing, digit_files, succeed, tmp_path
):
    mask = np.zeros((16, 16), "uint8")
    mask[:, :7] = 255
    images = digit_files[:num_images]
    mask_of_it, told = mask if with_mask else None, []
    answer = ask(drawing, task, images, mask_of_it, told.append, **flags)
    for path in images:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    PIL.Image.fromarray(mask).save(tmp_path / "the mask.png")
    python, _, package, *words = shlex.split(answer["command"])
    assert (python, package) == ("python", "keras_sphere")
    succeed(*words, "--nocaptions", "--scale=1", "--output=a.png")
    received = [array_of(text) for row in answer["rows"] for text in row]
    expected = tiles(pixels(tmp_path / "a.png"))
    np.testing.assert_array_equal(received, expected[: len(received)])
    totals = {progress["total"] for progress in told}
    assert totals <= {None, len(told)}
    assert len(received) >= flags.get("num_images", 1) or "numbers" in flags


def test_progress_and_cancelling(drawing):
    told = []
    flags = {**LOOP, "num_images": 10, "classes": "none"}
    ask(drawing, "generate", tell=told.append, **flags)
    assert told == [{"done": done, "total": 3} for done in range(3)]

    def cancel(progress):
        if progress["done"] == 1:
            raise KeyError("nobody waits")

    with pytest.raises(KeyError, match="nobody waits"):
        ask(drawing, "generate", tell=cancel, **flags)
    assert len(ask(drawing, "generate", **flags)["rows"][0]) == 10


def test_the_one_picture(drawing, succeed, tmp_path):
    flags = {**LOOP, "steps": "1,2", "num_images": 2, "classes": "3"}
    asked = {"task": "generate", "flags": flags, "as_picture": True}
    answer = drawing.read(json.dumps(asked).encode())(lambda progress: None)
    (tmp_path / "b.png").write_bytes(base64.b64decode(answer["picture"]))
    succeed(*shlex.split(answer["command"])[3:], "--output=a.png")
    np.testing.assert_array_equal(
        pixels(tmp_path / "b.png"), pixels(tmp_path / "a.png")
    )
    succeed("again", "b.png", "--output=c.png")


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
def test_raw_weights_and_their_average(tmp_path):
    save_model(tmp_path / "model.keras", new_model())

    def rows(*words, **flags):
        drawing = serve(tmp_path / "model.keras", None, *words)
        answer = ask(drawing, "generate", num_images=2, seed=1, **flags)
        return answer["rows"], "--use_ema=true" in answer["command"]

    raw, average = rows(use_ema=False), rows(use_ema=True)
    assert raw[0] != average[0]
    assert (raw[1], average[1]) == (False, True)
    assert rows("--use_ema") == average
    assert rows("--use_ema", use_ema=False) == raw


@pytest.mark.slow
def test_the_sphere(drawing):
    told = []
    answer = read_diagnosis(b'{"seed": 1}', drawing)(told.append)
    assert "64 latents on a sphere in 128 dimensions" in answer["text"]
    assert [progress["done"] for progress in told] == list(range(told[0]["total"]))
    for picture in answer["pictures"]:
        assert base64.b64decode(picture).startswith(b"\x89PNG")
