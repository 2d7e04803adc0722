"""The page with a server behind it, as a user meets it: one process, one browser."""

import base64
import contextlib
import json
import pathlib
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest

from tests.serve.serving import ask, preset_copy
from tests.web.browser import Browser
from tests.web.page_files import PAGE, needs_chromium

pytestmark = [pytest.mark.slow, pytest.mark.any_backend]

ROOT = pathlib.Path(__file__).parents[2]
STATUS = "document.getElementById('status').textContent"
IDLE = "document.getElementById('stop').disabled"
MOST_LINES = 300
COUNT = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return preset_copy(tmp_path_factory.mktemp("secret"))


@pytest.fixture(scope="module")
def server(folder):
    """A process that serves, and its port."""
    command = [sys.executable, "-m", "keras_sphere", "serve", f"--preset={folder}"]
    process = subprocess.Popen(
        [*command, "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert "Open http://127.0.0.1:" in line, process.stderr.read()
        yield process, int(re.search(r":(\d+)/", line)[1])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def port(server):
    return server[1]


@pytest.fixture(scope="module")
def opened(port, tmp_path_factory):
    """A browser at a page that has made its first pictures."""
    with contextlib.closing(Browser(tmp_path_factory.mktemp("profile"))) as browser:
        browser.show(1200, 900)
        browser.open(f"http://127.0.0.1:{port}/")
        browser.wait(f"window.sphere && / by /.test({STATUS})")
        yield browser


@pytest.fixture
def page(opened):
    """The opened page with the settings that it starts with."""
    opened.show(1200, 900)
    for field, value in (("#count", 10), ("#steps", 2), ("#seed", 7)):
        opened.type(field, value)
    opened.choose("#class", "each in turn")
    opened.evaluate("document.getElementById('angle').value = 0")
    act(opened, opened.click, "#generate")
    return opened


def act(page, action, *values):
    """Does something, waits until the page has finished with it, and says what."""
    page.evaluate(f"{STATUS} = ''")
    action(*values)
    page.wait(f"{STATUS} !== '' && {IDLE}")
    return page.evaluate(STATUS)


def pictures(page, area):
    """The pictures of an area, as an array of gray levels."""
    code = f"[...document.querySelectorAll('#{area} canvas')]"
    code += ".map((c) => [...c.getContext('2d').getImageData(0, 0, 16, 16).data])"
    data = np.array(page.evaluate(code), "uint8")
    return data.reshape(-1, 16, 16, 4)[..., 0]


def command(page, area):
    return page.evaluate(
        f"document.querySelector('.command[data-of={area}] pre').textContent"
    )


def draw(port, **flags):
    """What the server answers to a request for generated pictures."""
    status, lines, _ = ask(port, "/draw", {"task": "generate", "flags": flags})
    return status, lines[-1]


def array_of(text):
    return np.frombuffer(base64.b64decode(text), "uint8").reshape(16, 16)


@pytest.mark.parametrize("name", ["server.js", "server_model.js", "editor.js"])
def test_scripts_are_short(name):
    assert len((PAGE / name).read_text().splitlines()) <= MOST_LINES


@needs_chromium
def test_generation(page, port):
    assert page.errors == []
    hosts = {url.removeprefix("blob:").split("/")[2] for url in page.requests}
    assert hosts == {f"127.0.0.1:{port}"}
    first = pictures(page, "grid")
    words = "--preset=mine --batch_size=8 --num_images=10 --classes=all"
    assert words in command(page, "grid")
    act(page, page.click, "#grid button:nth-child(4)")
    assert command(page, "grid").endswith("--numbers=3")
    np.testing.assert_array_equal(pictures(page, "turned"), first[3:4])
    act(page, page.slide, "#angle", 120)
    assert not np.array_equal(pictures(page, "turned"), first[3:4])
    assert "--num_images=3 --angle_degrees=60.0 --label=3" in command(page, "turned")
    page.click("#show-steps")
    act(page, page.click, "#generate")
    np.testing.assert_array_equal(pictures(page, "grid")[1::2], first)
    page.click("#show-steps")
    page.choose("#class", "3")
    page.choose("#other", "8")
    act(page, page.click, "#generate")
    assert "--class_mix=3:0.50,8:0.50" in command(page, "grid")
    page.choose("#class", "each in turn")
    sentence = "Choose the class that is to be mixed."
    assert act(page, page.click, "#generate") == sentence
    page.choose("#other", "nothing")


@needs_chromium
def test_between_two_seeds(page):
    page.choose("#class", "3")
    page.type("#count", 1)
    page.type("#from", 7)
    page.type("#to", 8)
    act(page, page.slide, "#way", 0)
    start = pictures(page, "walked")
    act(page, page.slide, "#way", 0.5)
    middle = pictures(page, "walked")
    assert not np.array_equal(start, middle)
    assert "--seeds=7,8 --num_images=11 --classes=3" in command(page, "walked")
    act(page, page.click, "#generate")
    np.testing.assert_array_equal(pictures(page, "grid"), start)


@needs_chromium
def test_own_picture(page, tmp_path):
    page.type("#count", 2)
    PIL.Image.fromarray(pictures(page, "grid")[5]).resize((48, 48), 0).save(
        tmp_path / "five.png"
    )
    act(page, page.drop, "#drop", tmp_path / "five.png")
    own, decoded, *near = pictures(page, "reconstructed")
    assert np.mean(np.abs(own - decoded.astype("float32"))) < 40
    assert len(near) == 2
    first, second = command(page, "reconstructed").splitlines()
    assert " reconstruct --preset=mine " in first
    assert " variations --preset=mine " in second
    assert second.endswith("--image=five.png")
    (tmp_path / "notes.png").write_text("no picture")
    said = act(page, page.drop, "#drop", tmp_path / "notes.png")
    assert "no format that Pillow knows" in said


def paint(page):
    """A stroke down the middle of the first picture."""
    page.evaluate("document.getElementById('paint').scrollIntoView()")
    box = page.evaluate(
        "(({x, y, width, height}) => ({x, y, width, height}))"
        "(document.getElementById('paint').getBoundingClientRect())"
    )
    for kind, share in [("Pressed", 0.1), ("Moved", 0.5), ("Moved", 0.9)]:
        page.send(
            "Input.dispatchMouseEvent",
            type=f"mouse{kind}",
            button="left",
            buttons=1,
            clickCount=1,
            x=box["x"] + box["width"] / 2,
            y=box["y"] + share * box["height"],
        )
    page.send(
        "Input.dispatchMouseEvent",
        **{"type": "mouseReleased", "button": "left", "x": 0, "y": 0},
    )


@needs_chromium
def test_editing(page, tmp_path):
    sentence = "Choose the first picture: a file, or one above."
    assert act(page, page.click, "#cross") == sentence
    first, second = pictures(page, "grid")[[3, 8]]
    for number, slot in ((4, "first"), (9, "second")):
        act(page, page.click, f"#grid button:nth-child({number})")
        page.click(f".take[data-slot={slot}]")
    act(page, page.click, "#cross")
    shown = pictures(page, "edited")
    np.testing.assert_array_equal(shown[0], first)
    np.testing.assert_array_equal(shown[1], second)
    np.testing.assert_array_equal(shown[2][:, :8], first[:, :8])
    assert len(shown) == 3 + 2
    assert "--image=seed7_3.png --image=seed7_8.png" in command(page, "edited")
    assert act(page, page.click, "#fill").startswith("Paint on the first picture")
    paint(page)
    page.choose("#fill-class", "3")
    act(page, page.click, "#fill")
    image, known, _, filled = pictures(page, "edited")
    hidden = known == 128
    assert 16 <= hidden.sum() < 128
    np.testing.assert_array_equal(image, first)
    np.testing.assert_array_equal(filled[~hidden], first[~hidden])
    assert not np.array_equal(filled[hidden], first[hidden])
    page.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("#inputs")
    files = [tmp_path / name for name in ("seed7_3.png", "mask.png")]
    page.wait_for(lambda: all(file.exists() for file in files))
    page.wait_for(lambda: not list(tmp_path.glob("*.crdownload")))
    with PIL.Image.open(files[0]) as picture, PIL.Image.open(files[1]) as mask:
        np.testing.assert_array_equal(np.asarray(picture.convert("L")), first)
        np.testing.assert_array_equal(np.asarray(mask.convert("L")) == 0, hidden)
    page.choose("#hide", "left")
    page.choose("#pattern", "around what is painted")
    act(page, page.click, "#cross")
    stitched = pictures(page, "edited")[2]
    np.testing.assert_array_equal(stitched[:, :8], second[:, :8])
    page.choose("#become", "0")
    act(page, page.click, "#change")
    assert " classes --preset=mine --batch_size=8 --classes=0 " in command(
        page, "edited"
    )
    assert len(pictures(page, "edited")) == 1 + 2


@needs_chromium
def test_what_the_model_does(page):
    loaded = (
        "[...document.querySelectorAll('#evaluated img')].map((i) => i.naturalWidth)"
    )
    act(page, page.click, "#table")
    page.wait(f"{loaded}.every(Boolean)")
    assert len(page.evaluate(loaded)) == 1
    assert "--steps=1,2,4" in command(page, "evaluated")
    act(page, page.click, "#diagnose")
    page.wait(f"{loaded}.every(Boolean)")
    assert len(page.evaluate(loaded)) == 2
    assert "64 latents on a sphere" in page.evaluate("document.body.innerText")


@needs_chromium
def test_stop(page, port):
    page.type("#count", 64)
    page.type("#steps", 16)
    page.evaluate(f"{STATUS} = ''")
    page.click("#generate")
    page.wait(f"/^Part [2-8] of 8/.test({STATUS})")
    page.click("#stop")
    assert page.evaluate(STATUS) == "Stopped."
    assert draw(port, num_images=1, steps=1, seed=1, classes="3")[0] == 200
    assert page.evaluate(STATUS) == "Stopped."
    page.type("#count", 1)
    page.type("#steps", 1)
    act(page, page.click, "#generate")
    assert len(pictures(page, "grid")) == 1


@needs_chromium
@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sizes_and_colors(page, width, scheme):
    page.show(width, 800, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_two_hundred_at_once(port):
    """Every answer is right, or a sentence that says why there is none."""
    flags = {"num_images": 1, "steps": 1, "classes": "3"}
    expected = [
        draw(port, seed=seed, **flags)[1]["result"]["rows"] for seed in range(5)
    ]
    barrier = threading.Barrier(COUNT)

    def one(number):
        barrier.wait()
        return number % 5, *draw(port, seed=number % 5, **flags)

    with ThreadPoolExecutor(COUNT) as threads:
        answers = list(threads.map(one, range(COUNT)))
    right = 0
    for seed, status, last in answers:
        if status == 200:
            assert last["result"]["rows"] == expected[seed]
            right += 1
        else:
            assert status == 503
            assert "Please try again" in last["error"]
    assert right >= 16


def test_no_answer_tells_a_path(port, folder):
    answers = [ask(port, "/draw", content)[1] for content in _WRONG]
    answers += [ask(port, "/draw", {"task": "generate", "flags": {"seed": 1}})[1]]
    answers += [ask(port, "/image", b"x", media_type="application/octet-stream")[1]]
    answers += [ask(port, path, None, "GET")[1] for path in ("/model.json", "/..%2f")]
    text = json.dumps(answers)
    assert "mine" in text
    for place in (folder.parent, ROOT, pathlib.Path(sys.prefix)):
        assert str(place) not in text


_WRONG = [
    {"task": "generate", "flags": {"preset": "digits16"}},
    {"task": "generate", "flags": {"classes": "x"}},
    {"task": "reconstruct", "images": {"image": [{"name": "/etc/passwd"}]}},
    {"task": "generate", "flags": {"use_ema": True}},
    b"{",
]


@needs_chromium
def test_an_interrupt_ends_it_and_the_page_says_so(page, server):
    """The last test of this file, as it ends the server of all."""
    process, _ = server
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "Interrupted.\n"
    said = act(page, page.click, "#generate")
    assert said.startswith("The server does not answer")
