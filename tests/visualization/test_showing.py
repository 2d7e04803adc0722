"""One picture, inline or as a file; what notebooks do otherwise."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from keras_sphere.notebooks import in_notebook, quiet_verbosity
from keras_sphere.visualization import show

pytestmark = pytest.mark.any_backend


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shell():
    """IPython's shell without a terminal, as a notebook's kernel has it."""
    interactive = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    yield interactive.instance()
    interactive.clear_instance()


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((10, 16, 16, 1), (4 * 65 + 1, 3 * 65 + 1)),
        ((16, 16, 1), (66, 66)),
        ((2, 100, 100, 3), (203, 102)),
        ((100, 4, 4, 3), (8 * 65 + 1, 13 * 65 + 1)),
    ],
)
def test_a_file_in_a_terminal(shape, size, terminal, capsys):
    show(np.zeros(shape))
    assert capsys.readouterr().out == "Wrote images.png\n"
    with Image.open("images.png") as picture:
        assert picture.size == size


def test_no_file_is_overwritten(terminal, capsys):
    for _ in range(3):
        show(np.zeros((1, 64, 64, 3)))
    names = sorted(path.name for path in terminal.iterdir())
    assert names == ["images-2.png", "images-3.png", "images.png"]
    assert capsys.readouterr().out.endswith("Wrote images-3.png\n")


def test_columns(terminal):
    show(np.zeros((6, 64, 64, 3)), columns=6)
    with Image.open("images.png") as picture:
        assert picture.size == (6 * 65 + 1, 66)


@pytest.mark.parametrize(
    ("images", "columns", "message"),
    [
        (np.zeros((4, 4)), None, "images"),
        (np.zeros((0, 4, 4, 1)), None, "at least 1 image"),
        (np.zeros((1, 4, 4, 1)), 0, "columns"),
        (np.zeros((1, 4, 4, 2)), None, "1 or 3 channels"),
    ],
)
def test_bad_arguments(images, columns, message, terminal):
    with pytest.raises(ValueError, match=message):
        show(images, columns)
    assert list(terminal.iterdir()) == []


def test_inline_in_a_notebook(terminal, shell):
    from IPython.utils.capture import capture_output

    assert in_notebook()
    with capture_output() as captured:
        show(np.zeros((2, 64, 64, 3)))
    (output,) = captured.outputs
    assert "image/png" in output.data
    assert list(pathlib.Path().iterdir()) == []


def test_bars_are_quiet_in_a_notebook(shell):
    assert [quiet_verbosity(v) for v in ("auto", 0, 1, 2)] == [2, 0, 1, 2]


def test_bars_in_a_terminal_are_kerass_own():
    assert not in_notebook()
    assert [quiet_verbosity(v) for v in ("auto", 0, 1, 2)] == ["auto", 0, 1, 2]
