"""Where files of weights are looked for, and that only fitting ones are read."""

import zipfile

import numpy as np
import pytest

from keras_sphere import perceptual
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.perceptual import LPIPS, ConvNeXtLogits
from keras_sphere.perceptual.weight_files import (
    find_weight_files,
    read_weight_file,
    weight_folders,
    write_weight_file,
)

TINY = {"depths": (1,), "hidden_dims": (8,), "num_classes": 5, "image_size": 16}


def new_weights():
    generator = np.random.default_rng(0)
    shapes = ConvNeXtLogits(**TINY).weight_shapes()
    return {n: generator.normal(size=s).astype("float32") for n, s in shapes.items()}


def build(path):
    network = ConvNeXtLogits(**TINY, source=path)
    network.build((None, 16, 16, 3))
    return network


def test_what_is_written_is_read(tmp_path):
    weights = new_weights()
    write_weight_file(tmp_path / "some.npz", weights)
    network = build(tmp_path / "some.npz")
    assert set(network.arrays) == set(weights)
    for name, variable in network.arrays.items():
        np.testing.assert_array_equal(variable.numpy(), weights[name])
    assert network.get_config()["source"] == str(tmp_path / "some.npz")


def test_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KERAS_SPHERE_PERCEPTUAL_DIR", raising=False)
    assert weight_folders() == [tmp_path / "home" / "models"]
    monkeypatch.setenv("KERAS_SPHERE_PERCEPTUAL_DIR", str(tmp_path / "mine"))
    assert weight_folders() == [tmp_path / "mine", tmp_path / "home" / "models"]
    assert weight_folders(tmp_path) == [tmp_path]
    for folder in ("home/models", "mine"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.npz").touch()
        assert find_weight_files(["a.npz"], "x") == [tmp_path / folder / "a.npz"]


def test_one_error_names_all_that_is_missing_and_the_alternatives(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_SPHERE_PERCEPTUAL_DIR", str(tmp_path / "mine"))
    with pytest.raises(FileNotFoundError) as caught:
        perceptual.load("lpips_convnext")
    for part in (
        "'lpips_convnext' needs lpips_vgg16.npz and convnext_small.npz",
        str(tmp_path / "mine"),
        str(tmp_path / "home" / "models"),
        "keras_sphere.convert.perceptual",
        "'keras_applications'",
        "--perceptual=gradient",
    ):
        assert part in str(caught.value)
    with pytest.raises(FileNotFoundError, match="needs convnext_small"):
        perceptual.load("convnext", folder=tmp_path)
    monkeypatch.delenv("KERAS_SPHERE_PERCEPTUAL_DIR")
    with pytest.raises(FileNotFoundError, match=r"DIR is not set.*Received: no lpips"):
        LPIPS().build((None, 32, 32, 3))
    with pytest.raises(ValueError, match=r"`name` must be one of.*'vgg'"):
        perceptual.load("vgg")


REFUSED = {
    "missing": (lambda w: w.pop("head_bias"), r"missing \['head_bias'\]"),
    "left over": (lambda w: w.update(more=np.ones(1)), r"unexpected \['more'\]"),
    "shape": (
        lambda w: w.update(head_bias=np.ones(6, "float32")),
        r"'head_bias' must have the shape \(5,\). Received: \(6,\)",
    ),
    "dtype": (lambda w: w.update(head_bias=np.ones(5)), "'head_bias' of float64"),
    "NaN": (
        lambda w: w.update(head_bias=np.full(5, np.nan, "float32")),
        "finite numbers. Received: 'head_bias'",
    ),
    "pickle": (
        lambda w: w.update(head_bias=np.array([print] * 5, dtype=object)),
        "'head_bias' of object",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_files_are_refused(tmp_path, name):
    weights, (change, message) = new_weights(), REFUSED[name]
    change(weights)
    np.savez(tmp_path / "some.npz", **weights)
    with pytest.raises(ValueError, match=message):
        build(tmp_path / "some.npz")


def test_damaged_files_are_noticed(tmp_path):
    path = tmp_path / "some.npz"
    with pytest.raises(CorruptFileError, match="is missing"):
        build(path)
    write_weight_file(path, new_weights())
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(CorruptFileError, match="is damaged"):
        build(path)
    place = content.index(new_weights()["head_kernel"].tobytes()) + 50
    path.write_bytes(content[:place] + b"\x00\x01" + content[place + 2 :])
    with pytest.raises(CorruptFileError, match="is damaged"):
        build(path)
    path.write_bytes(b"no archive")
    with pytest.raises(CorruptFileError, match="is damaged"):
        build(path)


def test_an_array_that_claims_to_be_huge_is_refused_unread(tmp_path):
    path = tmp_path / "some.npz"
    weights = new_weights()
    del weights["head_bias"]
    np.savez(path, **weights)
    with (
        zipfile.ZipFile(path, "a") as archive,
        archive.open("head_bias.npy", "w") as file,
    ):
        header = {"descr": "<f4", "fortran_order": False, "shape": (2**40,)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(ValueError, match=r"must have the shape \(5,\)"):
        read_weight_file(path, ConvNeXtLogits(**TINY).weight_shapes(), ["head_bias"])
