"""What a page may ask for, checked before the model is needed."""

import base64
import io
import json
import re

import numpy as np
import PIL.Image
import pytest

from keras_sphere.command_line.image_files import read_images
from keras_sphere.command_line.model_source import ModelSource
from keras_sphere.command_line.parsing import find_task, parse
from keras_sphere.command_line.runs.serve import new_drawing
from keras_sphere.command_line.served.asked import FLAGS, IMAGES
from keras_sphere.command_line.served.sphere_pictures import read_diagnosis
from keras_sphere.command_line.served.uploads import read_upload
from keras_sphere.command_line.tasks import TASKS
from tests.serve.serving import preset_copy

PIXELS = base64.b64encode(bytes(256)).decode()
ONE = [{"name": "a.png", "pixels": PIXELS}]
ONE_KNOWN = [{"pixels": base64.b64encode(bytes(255) + b"\xff").decode()}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return preset_copy(tmp_path_factory.mktemp("secret"))


@pytest.fixture(scope="module")
def drawing(folder):
    """What reads requests; its model is not loaded."""
    task = find_task("serve")
    settings = parse(task, [f"--preset={folder}", "--batch_size=5"]).settings
    return new_drawing(ModelSource(str(folder)), settings)


def read(drawing, task="generate", images=None, **flags):
    asked = {"task": task, "flags": flags, "images": images or {}}
    return drawing.read(json.dumps(asked).encode())


def test_a_right_request_is_work(drawing):
    assert callable(read(drawing, classes="3,4", num_images=2, steps=2, seed=1))
    assert callable(read(drawing, "inpaint", {"image": ONE, "mask": ONE_KNOWN}))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xff", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        (b"[]", "an object of ['task'"),
        (b'{"task": 3}', "each of its type. Received: 'task'=3"),
        (b'{"more": 3}', "Received: 'more'=3"),
        (b"{}", "`task` must be one of ['generate'"),
        (b'{"task": "train"}', "Received: 'train'"),
        (b'{"task": "generate", "flags": {"seed": [1]}}', "a number or a boolean"),
    ],
)
def test_wrong_objects(drawing, content, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        drawing.read(content)


@pytest.mark.parametrize(
    ("task", "images", "flags", "text"),
    [
        ("generate", {}, {"output": "a.png"}, "Received: flag 'output'"),
        ("generate", {}, {"flagfile": "a"}, "Received: flag 'flagfile'"),
        ("generate", {}, {"steps": 0}, "in the range [1, 100]"),
        ("generate", {}, {"steps": 17}, "takes 16 steps at most"),
        ("generate", {}, {"steps": "1,x"}, "comma-separated integers"),
        ("generate", {}, {"seed": "x" * 1001}, "up to 1000 characters"),
        ("generate", {}, {"seed": float("nan")}, "--seed"),
        ("generate", {}, {"guidance_scale": float("inf")}, "in the range"),
        ("generate", {}, {"num_images": 257}, "holds 256 images"),
        ("generate", {}, {"num_images": 2, "steps": "1,2"}, "come `as_picture` only"),
        ("generate", {}, {"num_images": 32, "steps": 16, "show_steps": True}, "512"),
        ("generate", {}, {"classes": 10}, "classes from 0 to 9"),
        ("generate", {}, {"class_mix": "3"}, "--class_mix must be like"),
        ("generate", {}, {"use_ema": True}, "needs a file model.keras"),
        ("generate", {"image": ONE}, {}, "generate takes no images 'image'"),
        ("reconstruct", {}, {}, "reconstruct needs --image"),
        ("reconstruct", {"image": []}, {}, "must hold 1 to 2 of image"),
        ("reconstruct", {"image": ONE * 3}, {}, "must hold 1 to 2 of image"),
        ("reconstruct", {"image": [{}]}, {}, "16 x 16 pixels"),
        ("reconstruct", {"image": [{"pixels": "AAAA"}]}, {}, "Received: 3 bytes"),
        ("reconstruct", {"image": ONE}, {"label": 11}, "classes from 0 to 9"),
        ("crossover", {"image": ONE}, {}, "--image twice"),
        ("inpaint", {"image": ONE, "mask": ONE}, {}, "a pixel that is known"),
    ],
)
def test_wrong_requests(drawing, folder, task, images, flags, text):
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        read(drawing, task, images, **flags)
    assert str(folder.parent) not in str(caught.value)


def test_pictures_are_of_generate(drawing):
    asked = {"task": "walk", "flags": {}, "as_picture": True}
    with pytest.raises(ValueError, match="for generate alone"):
        drawing.read(json.dumps(asked).encode())


def test_the_page_knows_names_and_no_folders(drawing):
    assert drawing.common["preset"] == "mine"
    settings = parse(find_task("serve"), ["--preset=digits16"]).settings
    named = new_drawing(ModelSource("digits16"), settings)
    assert named.common == {"preset": "digits16", "batch_size": 8, "use_ema": None}


def test_what_a_page_may_ask_for_is_what_the_tasks_have():
    for task, names in FLAGS.items():
        flags = TASKS[task].flag_values()
        assert set(names) <= set(flags)
        assert set(IMAGES.get(task, ())) <= set(flags)
        files = {"output", "preset", "image", "mask", "refiner", "direction_image"}
        assert not files & set(names)


def file_of(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def test_an_upload_is_what_the_command_reads(drawing, tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype("uint8")
    content = file_of(PIL.Image.fromarray(values))
    (tmp_path / "a.png").write_bytes(content)
    (expected,) = read_images([tmp_path / "a.png"], 16, 1)
    pixels = base64.b64decode(
        read_upload(content, drawing.source.description)["pixels"]
    )
    np.testing.assert_array_equal(np.frombuffer(pixels, "uint8"), expected.ravel())


def test_uploads_that_are_refused(drawing):
    large = file_of(PIL.Image.new("1", (9000, 9000)))
    assert len(large) < 100_000
    noise = np.random.default_rng(0).integers(0, 256, (50, 50)).astype("uint8")
    for content, text in [
        (b"no image", "no format that Pillow knows"),
        (b"", "no format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no format"),
        (file_of(PIL.Image.fromarray(noise))[:-500], "truncated"),
        (large, "9000 x 9000 pixels are too many"),
        (file_of(PIL.Image.new("1", (14000, 14000))), "exceeds limit"),
    ]:
        with pytest.raises(ValueError, match=text):
            read_upload(content, drawing.source.description)


def test_wrong_requests_for_the_sphere(drawing):
    for content, text in [
        (b'{"seed": -1}', "must be in"),
        (b'{"seed": 1, "use_ema": true}', "needs a file model.keras"),
        (b'{"images": 3}', "Received: 'images'"),
    ]:
        with pytest.raises(ValueError, match=text):
            read_diagnosis(content, drawing)
    assert callable(read_diagnosis(b'{"seed": 1}', drawing))
