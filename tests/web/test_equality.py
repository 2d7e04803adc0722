"""The page makes the pictures that Python makes, in Chromium, clicked like a person."""

import json

import numpy as np
import PIL.Image
import pytest

from keras_sphere import presets
from keras_sphere.command_line import main
from keras_sphere.data import load_digits
from keras_sphere.visualization.image_grid import to_uint8
from tests.tiny_models import new_rotating_model
from tests.web.browser import Browser, served
from tests.web.page_files import RUNTIME, needs_chromium, needs_runtime

pytestmark = [pytest.mark.slow, needs_chromium, needs_runtime]

COUNT, DRAWS, CLASSES = 3, 5, (1, 2)
STATUS = "document.getElementById('status').textContent"
NOISE = """(() => {{
  const arrays = (rows) => rows.map((row) => new Float32Array(row));
  sphere.noise = {{ start: arrays({start}), later: {later}.map(arrays) }};
}})()"""
PIXELS = """[...document.querySelectorAll('#{area} canvas')].map((canvas) =>
  [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data])"""


class Site:
    """A model, the page made of it, and noise for both.

    Args:
        browser: `Browser`.
        model: `SphereEncoderModel`.
        address: String. Where the page is served.
    """

    def __init__(self, browser, model, address):
        self.browser, self.model, self.address = browser, model, address
        generator, shape = np.random.default_rng(0), model.backbone.latent_shape
        draws = generator.standard_normal((1 + DRAWS, COUNT, *shape)).astype("float32")
        self.noise, self.step_noise = draws[0], draws[1:]

    def open(self):
        """Goes to the page and gives it the noise."""
        self.browser.open(f"{self.address}#runtime=wasm")
        self.browser.wait(f"window.sphere && / by WASM/.test({STATUS})")
        flat = [draw.reshape(COUNT, -1).tolist() for draw in self.step_noise]
        start = self.noise.reshape(COUNT, -1).tolist()
        self.browser.evaluate(
            NOISE.format(start=json.dumps(start), later=json.dumps(flat))
        )

    def pixels(self, area):
        """The pictures of an area as a uint8 array."""
        side, colors = self.model.backbone.image_size, self.model.backbone.num_channels
        found = np.array(self.browser.evaluate(PIXELS.format(area=area)), "uint8")
        return found.reshape(-1, side, side, 4)[..., :colors]


def build(folder, model, preset):
    """Runs the task `web`; returns the folder of the page."""
    site = folder / "site"
    words = [f"--preset={preset}", f"--output={site}", f"--runtime={RUNTIME}"]
    assert main(["web", *words, "--weights=float32"], lambda source: model) == 0
    return site


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    browser.show(1200, 900)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def digits(browser, tmp_path_factory):
    model = presets.load("digits16")
    site = build(tmp_path_factory.mktemp("digits"), model, "digits16")
    with served(site) as address:
        yield Site(browser, model, address)


@pytest.fixture(scope="module")
def turning(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("turning")
    model = new_rotating_model()
    model.save(folder / "turning.keras")
    with served(build(folder, model, folder / "turning.keras")) as address:
        yield Site(browser, model, address)


def check(site, steps, mixed, guidance, **options):
    """Asks the page for pictures and compares them with the model's own."""
    browser, (first, second) = site.browser, CLASSES
    browser.type("#steps", steps)
    browser.type("#guidance", guidance)
    browser.choose("#class", str(first))
    browser.choose("#other", str(second) if mixed else "nothing")
    browser.evaluate(f"{STATUS} = ''")
    browser.click("#generate")
    browser.wait(f"/ by WASM/.test({STATUS})")
    expected = site.model.generate(
        COUNT,
        labels={first: 0.5, second: 0.5} if mixed else first,
        steps=steps,
        noise=site.noise,
        step_noise=site.step_noise,
        **options,
    )
    difference = site.pixels("grid").astype(int) - to_uint8(expected)
    assert np.max(np.abs(difference)) <= 2
    assert browser.errors == []


def test_noise_is_added(digits):
    digits.open()
    for steps, mixed in ((1, False), (1, True), (4, False), (4, True)):
        check(digits, steps, mixed, 1.2, guidance_scale=1.2)
    check(digits, 4, True, 1.0, guidance_scale=1.0)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
def test_noise_turns(turning, shared):
    turning.open()
    sampling = "sphere.model.description.sampling.shared_noise"
    turning.browser.evaluate(f"{sampling} = {json.dumps(shared)}")
    for steps, mixed, guidance in ((1, True, 25), (3, False, 25), (3, True, 0)):
        options = {"guidance_degrees": guidance, "shared_noise": shared}
        check(turning, steps, mixed, guidance, **options)


def test_a_dropped_picture(digits, tmp_path):
    digits.open()
    (_, _), (images, labels) = load_digits()
    PIL.Image.fromarray(images[0, ..., 0]).save(tmp_path / "mine.png")
    browser = digits.browser
    browser.choose("#class", str(labels[0]))
    browser.type("#count", 2)
    browser.type("#seed", 5)
    browser.drop("#drop", tmp_path / "mine.png")
    browser.wait("document.querySelectorAll('#reconstructed canvas').length === 4")
    own, decoded, *varied = digits.pixels("reconstructed").astype(int)
    expected = to_uint8(digits.model.reconstruct(images[:1], labels[:1]))
    assert np.max(np.abs(own - images[0])) == 0
    assert np.max(np.abs(decoded - expected)) <= 2
    apart = [np.mean(np.abs(picture - decoded)) for picture in varied]
    assert all(2 < distance < 60 for distance in apart)
    assert np.mean(np.abs(varied[0] - varied[1])) > 2
    # Noise of the largest angle makes another picture of the class, as Python's does.
    browser.evaluate(f"{STATUS} = ''")
    browser.slide("#strength", 1)
    browser.wait(f"/^Picture 3 of 3/.test({STATUS})")
    far = digits.pixels("reconstructed").astype(int)[2:]
    assert np.mean(np.abs(far - decoded)) > np.mean(apart)
