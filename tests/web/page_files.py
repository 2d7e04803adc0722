"""What tests of the page need beside the package, and where it is."""

import pathlib
import shutil
import sys

import pytest

from tests.web.browser import find_chromium

PAGE = pathlib.Path(__file__).parents[2] / "keras_sphere" / "web" / "page"
RUNTIME = pathlib.Path(sys.prefix) / "web"  # as the Makefile installs it

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed"
)
needs_runtime = pytest.mark.skipif(
    not (RUNTIME / "node_modules" / "onnxruntime-web").is_dir(),
    reason="onnxruntime-web is not installed: `make test-slow` does it where npm is",
)
needs_chromium = pytest.mark.skipif(
    find_chromium() is None, reason="Chromium is not installed"
)
