"""Diagnostics, memorization and the page that shows them."""

import html.parser
import shutil
import subprocess

import numpy as np
import pytest

from keras_sphere import presets
from keras_sphere.data import load_digits
from keras_sphere.evaluation import (
    diagnose_sphere,
    report_memorization,
    write_report,
)


@pytest.fixture(scope="module")
def model(quick_compilation):
    return presets.load("digits16")


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def test_diagnostics(model, digits):
    images, labels = (part[:60] for part in digits[1])
    found = diagnose_sphere(model, images, labels, num_loops=3, batch_size=60)
    assert found.dimensions == 128
    assert found.uniformity[0].name == "all"
    assert found.uniformity[0].count == 60
    for expected, measured in found.angles.values():
        assert measured == pytest.approx(expected, abs=2.0)
    assert 0.5 < np.median(found.norms) < 2.0
    assert found.drift["psnr"][0] > 20
    assert len(found.drift["angle"]) == 3
    assert "Share of the sphere" in str(found)


def test_copies_are_found(model, digits):
    train, held_out = digits[0][0], digits[1][0]
    honest = report_memorization(model, train, held_out, num_samples=20)
    assert 0.3 < honest.ratio < 2.0
    copies = report_memorization(model, honest.samples, held_out, num_samples=20)
    assert copies.ratio == 0.0
    assert copies.verdict.startswith("Copies: 100 %")
    np.testing.assert_array_equal(copies.nearest, honest.samples)


class References(html.parser.HTMLParser):
    """Everything that a page asks for."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        """Notes sources, links and scripts."""
        self.found += [v for k, v in attributes if k in ("src", "href")]
        assert tag not in ("script", "link", "iframe")


@pytest.fixture(scope="module")
def page(model, digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    train, held_out = ((images[:80], labels[:80]) for images, labels in digits)
    write_report(
        model,
        train,
        held_out,
        path,
        title="<digits>",
        network="digits",
        num_images=40,
        steps=(1, 2),
    )
    return path


@pytest.mark.slow
def test_page_holds_all_it_shows(page):
    references, text = References(), page.read_text()
    references.feed(text)
    assert len(references.found) == 7
    assert all(found.startswith("data:image/png;base64,") for found in references.found)
    assert "<h1>&lt;digits&gt;</h1>" in text
    for word in ("Memorization", "Frechet", "PSNR dB", "The sphere", "Settings"):
        assert word in text


@pytest.mark.slow
def test_page_opens_in_a_browser(page, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    result = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu"),
            *("--disable-quic", "--no-first-run", "--disable-background-networking"),
            *("--disable-component-update", "--disable-sync"),
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={tmp_path / 'page.png'}",
            "--window-size=1000,3000",
            "--virtual-time-budget=5000",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    import PIL.Image

    pixels = np.asarray(PIL.Image.open(tmp_path / "page.png").convert("L"))
    assert pixels.shape == (3000, 1000)
    assert (pixels < 100).mean() > 0.02
