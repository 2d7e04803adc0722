"""The Python blocks of the pages run, in order, as a reader would run them."""

import importlib.util
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def can_run(block):
    """Whether the backend or the library that a block is about is installed."""
    needed = re.match(r"import (tensorflow|torch|keras_cv)\b", block)
    return needed is None or importlib.util.find_spec(needed[1]) is not None


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/data.md",
        "docs/diversity.md",
        "docs/presets.md",
        "docs/training_options.md",
        pytest.param("docs/quickstart.md", marks=pytest.mark.slow),
        pytest.param("docs/checkpoints.md", marks=pytest.mark.slow),
        pytest.param("docs/training.md", marks=pytest.mark.slow),
        pytest.param("docs/training_logs.md", marks=pytest.mark.slow),
        pytest.param("docs/editing.md", marks=pytest.mark.slow),
        pytest.param("docs/evaluation.md", marks=pytest.mark.slow),
        pytest.param("docs/export.md", marks=pytest.mark.slow),
        pytest.param("docs/networks.md", marks=pytest.mark.slow),
        pytest.param("docs/sphere_encoder_2.md", marks=pytest.mark.slow),
    ],
)
def test_blocks_run(page, tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S)
    assert blocks
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    for block in filter(can_run, blocks):
        exec(compile(block, page, "exec"), namespace)


def test_links_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]
    missing = [
        f"{page.name}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text())
        if not (page.parent / target).exists()
    ]
    assert missing == []
