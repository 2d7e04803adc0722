"""Where presets come from."""

import pathlib

import pytest

from keras_sphere import presets
from keras_sphere.presets.sources import find
from tests import tiny_models


def test_a_built_in_name_and_a_folder(tmp_path, monkeypatch):
    tiny_models.new_model().save_to_preset(tmp_path / "cifar10", name="mine")
    monkeypatch.chdir(tmp_path)
    assert find("cifar10").config["name"] == "cifar10"
    for path in ("./cifar10", tmp_path / "cifar10", pathlib.Path("cifar10")):
        assert find(path).config["name"] == "mine"


@pytest.mark.parametrize(
    ("name", "closest"), [("cifra10", "cifar10"), ("flowers", "oxford_flowers256")]
)
def test_an_unknown_name_lists_the_others_closest_first(name, closest):
    with pytest.raises(ValueError, match=rf"Presets: {closest}, .*digits16.*{name}"):
        presets.load(name)


@pytest.mark.parametrize(
    "handle",
    [
        "hf://user",
        "hf://user/name/../more",
        "hf://user/name/.more",
        "hf://user/name//more",
        "hf://../name",
        "hf://",
        "https://x.org/a/b",
    ],
)
def test_other_handles_are_refused(handle):
    with pytest.raises(ValueError, match=f"Received: name_or_path='{handle}'"):
        find(handle)
