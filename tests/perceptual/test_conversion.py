"""torchvision's and LPIPS' files to files of weights, checked by what comes out."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import torch

from keras_sphere.convert import convert_convnext, convert_lpips
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.perceptual import LPIPS, ConvNeXtLogits
from tests.perceptual import golden_vgg16, torchvision_models
from tests.perceptual.test_lpips import distance, golden, images
from tests.testing import to_numpy

TINY = {"depths": (1, 2, 1, 1), "hidden_dims": (8, 12, 16, 24), "num_classes": 10}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder of the two files that LPIPS is made of, with the golden weights."""
    folder = tmp_path_factory.mktemp("files")
    kernels, biases, heads = golden_vgg16.torchvision_weights(int(golden()[0]["seed"]))
    tensors = torchvision_models.vgg16_state_dict(kernels, biases)
    # The public files are of before PyTorch 1.6.
    torch.save(tensors, folder / "vgg16.pth", _use_new_zipfile_serialization=False)
    heads = {f"lin{i}.model.1.weight": torch.from_numpy(h) for i, h in enumerate(heads)}
    torch.save(heads, folder / "heads.pth", _use_new_zipfile_serialization=False)
    return folder


def changed(path, change):
    """A copy of a file of tensors after `change(tensors)`."""
    tensors = torch.load(path, weights_only=True)
    change(tensors)
    torch.save(tensors, path.with_name("changed.pth"))
    return path.with_name("changed.pth")


def test_converted_lpips_gives_the_golden_values(files, tmp_path):
    path = convert_lpips(
        files / "vgg16.pth", files / "heads.pth", tmp_path, verify=False
    )
    assert path == tmp_path / "lpips_vgg16.npz"
    network = LPIPS(source=path)
    value = to_numpy(distance(network, images("x"), images("y")))
    expected = golden()[0]["out/perceptual"].reshape(3)
    np.testing.assert_allclose(value, expected, atol=1e-6)


def new_convnext():
    """A PyTorch ConvNeXt with no weight at its initial value."""
    torch.manual_seed(0)
    model = torchvision_models.ConvNeXt(*TINY.values())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return model


def torch_logits(model, x, size):
    """As the method says: resized with antialiasing, normalized as for ImageNet."""
    x = torch.from_numpy(x).movedim(-1, 1)
    x = torch.nn.functional.interpolate(
        x, (size, size), mode="bilinear", antialias=True, align_corners=False
    )
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    x = (x - mean[:, None, None]) / deviation[:, None, None]
    with torch.no_grad():
        return model(x).numpy()


@pytest.mark.parametrize("image_size", [16, 48])
def test_converted_convnext_gives_the_same_logits(tmp_path, image_size):
    model = new_convnext()
    torch.save(model.state_dict(), tmp_path / "convnext.pth")
    path = convert_convnext(
        tmp_path / "convnext.pth",
        tmp_path,
        verify=False,
        network=ConvNeXtLogits(**TINY),
    )
    assert path == tmp_path / "convnext_small.npz"
    network = ConvNeXtLogits(**TINY, image_size=32, source=path)
    x = np.random.default_rng(0).uniform(size=(2, image_size, image_size, 3))
    x = x.astype("float32")
    (logits,) = network(keras.ops.convert_to_tensor(x))
    expected = torch_logits(model, x, 32)
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(to_numpy(logits), expected, atol=2e-5)


REFUSED = {
    "missing": (lambda t: t.pop("features.28.bias"), r"missing \['features.28.bias'\]"),
    "left over": (
        lambda t: t.update({"features.29.bias": torch.zeros(1)}),
        r"unexpected \['features.29.bias'\]",
    ),
    "shape": (
        lambda t: t.update({"features.0.bias": torch.zeros(63)}),
        r"'features.0.bias' must have the shape \(64,\).*\(63,\)",
    ),
    "integers": (
        lambda t: t.update({"features.0.bias": torch.zeros(64, dtype=torch.int32)}),
        "'features.0.bias' of torch.int32",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_do_not_fit_are_refused(files, tmp_path, name):
    change, message = REFUSED[name]
    path = changed(files / "vgg16.pth", change)
    with pytest.raises(ValueError, match=message):
        convert_lpips(path, files / "heads.pth", tmp_path, verify=False)
    assert list(tmp_path.iterdir()) == []


def test_negative_heads_are_refused(files, tmp_path):
    path = changed(files / "heads.pth", lambda t: t["lin3.model.1.weight"].neg_())
    with pytest.raises(ValueError, match=r"must not be negative.*lin3"):
        convert_lpips(files / "vgg16.pth", path, tmp_path, verify=False)


def test_other_weights_than_the_public_ones_are_refused_unless_wanted(files, tmp_path):
    with pytest.raises(CorruptFileError, match=r"starts with 397923af.*--noverify"):
        convert_lpips(files / "vgg16.pth", files / "heads.pth", tmp_path)
    with pytest.raises(CorruptFileError, match="starts with 0c510722"):
        convert_convnext(files / "vgg16.pth", tmp_path)
    with pytest.raises(CorruptFileError, match=r"absent\.pth is missing"):
        convert_convnext(files / "absent.pth", tmp_path)


def test_code_in_a_file_does_not_run(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made_by_a_pickle"),)

    for new in (True, False):
        path = tmp_path / "hostile.pth"
        torch.save({"a": Hostile()}, path, _use_new_zipfile_serialization=new)
        with pytest.raises(ValueError, match="other objects are not loaded"):
            convert_convnext(path, tmp_path, verify=False)
    assert not (tmp_path / "made_by_a_pickle").exists()


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "keras_sphere.convert.perceptual", *arguments],
        cwd=pathlib.Path(__file__).parents[2],
        env={**os.environ, "KERAS_BACKEND": "numpy", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_line(files, tmp_path):
    given = [f"--vgg16={files / 'vgg16.pth'}", f"--lpips={files / 'heads.pth'}"]
    result = run(*given, "--noverify", KERAS_SPHERE_PERCEPTUAL_DIR=str(tmp_path))
    assert result.stdout == f"Wrote {tmp_path / 'lpips_vgg16.npz'}\n", result.stderr
    assert LPIPS.file_name in os.listdir(tmp_path)
    result = run(*given, f"--folder={tmp_path / 'other'}")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "other").exists()
