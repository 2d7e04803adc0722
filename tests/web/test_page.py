"""What the page does beside pictures, and what it says where something is wrong."""

import base64
import contextlib
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from keras_sphere.web import linked_runtime
from keras_sphere.web.runtime import LINKED_FILES, VERSION
from tests.web.browser import Browser, served
from tests.web.page_files import RUNTIME, needs_chromium, needs_runtime

pytestmark = [
    pytest.mark.slow,
    pytest.mark.any_backend,
    needs_chromium,
    needs_runtime,
]

STATUS = "document.getElementById('status').textContent"
DONE = f"window.sphere && / by WASM/.test({STATUS})"
NPM_FILES = RUNTIME / "node_modules" / "onnxruntime-web"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder that the command makes of digits16."""
    site = tmp_path_factory.mktemp("page") / "site"
    words = ["--preset=digits16", f"--output={site}", f"--runtime={RUNTIME}"]
    command = [sys.executable, "-m", "keras_sphere", "web", *words]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert "Wrote" in process.stdout
    return site


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser that goes from page to page."""
    with contextlib.closing(Browser(tmp_path_factory.mktemp("profile"))) as browser:
        yield browser


@pytest.fixture(scope="module")
def opened(site, tmp_path_factory):
    """A browser at a page that has made its first pictures."""
    profile = tmp_path_factory.mktemp("profile")
    with served(site) as address, contextlib.closing(Browser(profile)) as browser:
        browser.show(1200, 900)
        browser.open(address)
        browser.wait(DONE)
        yield browser


@pytest.fixture
def page(opened):
    """The opened page with the settings that it starts with."""
    opened.show(1200, 900)
    opened.type("#count", 10)
    opened.type("#steps", 4)
    opened.choose("#class", "each in turn")
    opened.evaluate("document.getElementById('show-steps').checked = false")
    opened.evaluate("document.getElementById('angle').value = 0")
    return opened


def act(page, action, *values, until=DONE):
    """Does something and waits until the page has finished with it."""
    page.evaluate(f"{STATUS} = ''")
    action(*values)
    page.wait(until)


def pictures(page, area):
    """The pictures of an area, as lists of bytes."""
    code = f"[...document.querySelectorAll('#{area} canvas')]"
    code += ".map((c) => [...c.getContext('2d').getImageData(0, 0, 16, 16).data])"
    return page.evaluate(code)


def test_all_is_of_the_same_host(page, site):
    assert page.errors == []
    files = {url.split("/", 3)[3] for url in page.requests if url.startswith("http:")}
    hosts = {url.removeprefix("blob:").split("/")[2] for url in page.requests}
    assert len(hosts) == 1
    assert {"sphere.js", "onnx/encoder.onnx", "runtime/ort.wasm.bundle.min.mjs"} < files
    assert all((site / name).exists() for name in files)
    text = page.evaluate("document.body.innerText")
    assert "digits16" in text
    assert "Runs on WASM with SIMD, one thread, weights as float16" in text


def test_seeds_and_steps(page):
    page.type("#seed", 7)
    act(page, page.press, "Enter")
    first = pictures(page, "grid")
    assert len(first) == 10
    act(page, page.click, "#again")
    assert pictures(page, "grid") != first
    page.type("#seed", 7)
    page.type("#count", 3)
    page.click("#show-steps")
    act(page, page.click, "#generate")
    strips = pictures(page, "grid")
    assert len(strips) == 3 * 4
    assert strips[3::4] == first[:3]
    assert strips[0] != strips[3]


def test_great_circles(page):
    page.choose("#class", "3")
    page.type("#seed", 7)
    act(page, page.click, "#generate")
    (start, *_) = pictures(page, "grid")
    act(page, page.slide, "#angle", 0)
    assert pictures(page, "turned") == [start]
    act(page, page.slide, "#angle", 60)
    assert pictures(page, "turned") != [start]
    page.type("#from", 7)
    page.type("#to", 8)
    act(page, page.slide, "#way", 0)
    assert pictures(page, "walked") == [start]
    act(page, page.slide, "#way", 1)
    end = pictures(page, "walked")
    page.type("#seed", 8)
    page.type("#steps", 1)
    act(page, page.click, "#generate")
    assert end != [start]
    act(page, page.slide, "#way", 1)
    assert pictures(page, "walked") == pictures(page, "grid")[:1]


def test_keyboard(page):
    page.type("#count", 2)
    act(page, page.press, "Enter")
    page.evaluate("document.getElementById('generate').focus()")
    names = []
    for _ in range(6):
        page.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent"))
    assert "1" in names  # the second picture: Tab leads through all that can be done
    place = "[...document.querySelectorAll('#grid button')]"
    page.evaluate(f"{place}[1].focus()")
    act(page, page.press, " ")
    assert page.evaluate(f"{place}.map((b) => b.getAttribute('aria-pressed'))") == [
        "false",
        "true",
    ]
    page.evaluate("document.getElementById('angle').focus()")
    act(page, page.press, "ArrowRight")
    assert "5 degrees" in page.evaluate("document.getElementById('turned').innerText")


def test_names_of_controls(page):
    nameless = page.evaluate(
        "[...document.querySelectorAll('input, select')]"
        ".filter((field) => !field.labels.length).map((field) => field.id)"
    )
    assert nameless == []
    assert page.evaluate("document.getElementById('status').ariaLive") == "polite"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_sizes_and_colors(page, width, scheme):
    """Nothing is wider than the window, and text stands out from its ground."""
    page.show(width, 800, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ground, ink = page.evaluate(
        "(() => { const style = getComputedStyle(document.body);"
        "return [style.backgroundColor, style.color]; })()"
    )
    light, dark = (
        float(np.mean([int(part) for part in color.strip("rgb()").split(",")]))
        for color in (ground, ink)
    )
    assert abs(light - dark) > 150
    assert (light > dark) == (scheme == "light")


def test_download(page, tmp_path):
    page.evaluate("document.getElementById('count').value = 5")
    act(page, page.click, "#generate")
    page.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("[data-of=grid]")
    file = tmp_path / "digits16_grid.png"
    page.wait_for(file.exists)
    page.wait_for(lambda: not list(tmp_path.glob("*.crdownload")))
    with PIL.Image.open(file) as image:
        sheet = np.asarray(image.convert("L"))
    assert sheet.shape == (2 * 48, 3 * 48)
    shown = np.array(pictures(page, "grid")[1], "uint8").reshape(16, 16, 4)
    np.testing.assert_array_equal(sheet[1:48:3, 49:96:3], shown[..., 0])


def test_wrong_input(page, tmp_path):
    page.type("#count", 100)
    before = page.evaluate(STATUS)
    page.click("#generate")
    assert page.evaluate("document.querySelector('#count:invalid') !== null")
    assert page.evaluate(STATUS) == before
    page.type("#count", 2)
    (tmp_path / "notes.png").write_text("no picture")
    failed = f"{STATUS} === 'notes.png is no picture that this browser can read.'"
    act(page, page.drop, "#drop", tmp_path / "notes.png", until=failed)
    act(page, page.click, "#generate")
    assert len(pictures(page, "grid")) == 2


def test_stop(page):
    page.type("#count", 64)
    page.type("#steps", 16)
    act(page, page.click, "#generate", until=f"/^Step/.test({STATUS})")
    page.click("#stop")
    page.type("#count", 1)
    page.type("#steps", 1)
    assert page.evaluate(STATUS) == "Stopped."
    act(page, page.click, "#generate")
    assert len(pictures(page, "grid")) == 1


def copied(site, folder):
    """The page without its large files: hard links to them."""
    copy = folder / "site"
    shutil.copytree(
        site, copy, copy_function=lambda a, b: pathlib.Path(b).hardlink_to(a)
    )
    return copy


def says(browser, site, start):
    """What the page says once that starts in some way."""
    with served(site) as address:
        browser.open(address)
        browser.wait(f"{STATUS}.startsWith({json.dumps(start)})")
        assert browser.evaluate("document.getElementById('main').hidden")
        return browser.evaluate(STATUS)


@pytest.mark.parametrize(
    "name", ["onnx/decoder.onnx", "runtime/ort-wasm-simd-threaded.wasm", "model.json"]
)
def test_missing_file(browser, site, tmp_path, name):
    copy = copied(site, tmp_path)
    (copy / name).unlink()
    assert "could not be loaded" in says(browser, copy, f"The file {name}")


def test_short_and_damaged_file(browser, site, tmp_path):
    copy = copied(site, tmp_path)
    network = copy / "onnx" / "decoder.onnx"
    content = network.read_bytes()
    network.unlink()
    network.write_bytes(content[:1000])
    expected = f"it has 1000 bytes in place of {len(content)}."
    assert expected in says(browser, copy, "The file onnx/decoder.onnx")
    network.write_bytes(b"\0" * len(content))
    says(browser, copy, "The runtime refuses decoder.onnx: ")


def test_no_simd(site, tmp_path):
    """On a processor without SSE 4.1, Chromium has no WASM SIMD."""
    flags = "--js-flags=--no-enable-sse4-1 --no-enable-avx"
    with contextlib.closing(Browser(tmp_path, flags)) as browser:
        text = says(browser, site, "This browser has no WebAssembly SIMD")
    assert text.endswith("which is needed here.")


def test_linked_runtime(browser, site, tmp_path):
    """Files of another host are those of the version, or are not run."""
    dist = tmp_path / "dist"
    shutil.copytree(site / "runtime", dist)
    copy = copied(site, tmp_path)
    with served(dist) as other:
        content = json.loads((copy / "model.json").read_text())
        content["runtime"] = linked_runtime(other).to_dict()
        (copy / "model.json").unlink()
        (copy / "model.json").write_text(json.dumps(content))
        with served(copy) as address:
            browser.open(address)
            browser.wait(DONE)
        assert sum(url.startswith(other) for url in browser.requests) == 2
        with (dist / "ort.wasm.bundle.min.mjs").open("r+b") as file:
            file.seek(1000)
            file.write(b"?")
        text = says(browser, copy, f"The file {other}ort.wasm.bundle.min.mjs")
    assert "not the file asked for" in text


def test_linked_files_are_those_of_npm():
    package = json.loads((NPM_FILES / "package.json").read_text())
    assert package["version"] == VERSION
    for name, (size, digest) in LINKED_FILES.items():
        path = NPM_FILES / "dist" / name
        assert path.stat().st_size == size
        computed = hashlib.sha384(path.read_bytes()).digest()
        assert base64.b64encode(computed).decode() == digest
