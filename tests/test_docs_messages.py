"""Messages that the page of troubleshooting explains are those of the code."""

import ast
import pathlib
import re

import pytest

pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
# Sections whose messages are not of this package.
OTHERS = ("From other packages", "Pictures")
CODE = re.compile(r"``(.+?)``|`(.+?)`")


def messages():
    """The messages of the page's tables, of the sections that are of this package."""
    sections = re.split(r"^## (.*)\n", PAGE.read_text(), flags=re.M)[1:]
    pairs = zip(sections[::2], sections[1::2], strict=True)
    text = "".join(body for title, body in pairs if title not in OTHERS)
    cells = re.findall(r"^\| (`.*?) \| ", text, re.M)
    return ["".join(found) for cell in cells for found in CODE.findall(cell)]


def texts():
    """All strings of the package; what is filled in when they are used is `\\0`."""
    for path in (ROOT / "keras_sphere").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (getattr(part, "value", "\0") for part in node.values)
                yield "".join(part if isinstance(part, str) else "\0" for part in parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"%[sdr]", "\0", node.value)


def unknown(asked, known):
    """Messages that no text has; their `...` stands for what is filled in."""
    patterns = {m: "\0".join(map(re.escape, m.split("..."))) for m in asked}
    return [m for m, p in patterns.items() if not any(re.search(p, k) for k in known)]


def test_messages_are_in_the_code():
    asked = messages()
    assert len(asked) > 20
    assert unknown(asked, list(texts())) == []


def test_the_check_finds():
    known = ["The run in \0 is over"]
    asked = ["run in ... is over", "run is over", "The run in ... ends"]
    assert unknown(asked, known) == asked[1:]
