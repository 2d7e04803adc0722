"""The notebook of each backend's usual place runs, cell by cell."""

import pathlib
import re

import keras
import pytest

pytestmark = pytest.mark.slow

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "notebooks"
NOTEBOOKS = {
    "jax": "colab_jax.py",
    "tensorflow": "colab_tensorflow.py",
    "torch": "jupyter_torch.py",
}
CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)


def cells(text):
    """The code of each cell of a script in cell format; text cells are left out."""
    parts = CELL.split(text)[1:]
    return [
        code
        for title, code in zip(parts[::2], parts[1::2], strict=True)
        if "[markdown]" not in title
    ]


def test_there_is_one_per_backend():
    assert {path.name for path in FOLDER.glob("*.py")} == set(NOTEBOOKS.values())
    for backend, name in NOTEBOOKS.items():
        assert f'"KERAS_BACKEND"] = "{backend}"' in (FOLDER / name).read_text()


@pytest.mark.usefixtures("quick_compilation")
def test_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    text = (FOLDER / NOTEBOOKS[keras.backend.backend()]).read_text()
    assert "epochs=30" in text
    namespace = {"__name__": "notebook"}
    for code in cells(text.replace("epochs=30", "epochs=1")):
        exec(compile(code, "notebook", "exec"), namespace)
    assert len(namespace["history"].history["loss"]) == 1
    pictures = sorted(path.name for path in tmp_path.glob("images*.png"))
    assert len(pictures) == 5
    assert namespace["path"].shape == (8, 16, 16, 1)
    assert (tmp_path / "my_digits" / "config.json").exists()


def test_cells():
    text = "# %% [markdown]\n# Words\n\n# %%\na = 1\n\n# %%\nb = a\n"
    assert cells(text) == ["a = 1\n\n", "b = a\n"]
