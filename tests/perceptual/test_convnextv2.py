"""ConvNeXt V2, against a PyTorch program and against timm's, by converted files."""

import warnings

import numpy as np
import pytest
import torch

from keras_sphere.convert import convert_convnextv2
from keras_sphere.perceptual import ConvNeXtV2
from keras_sphere.perceptual.weight_files import write_weight_file
from tests.differentiation import input_gradients
from tests.perceptual import torch_convnextv2
from tests.testing import to_numpy

SIZES = {"depths": (1, 2, 1), "hidden_dims": (8, 12, 16)}
IMAGES = np.random.default_rng(0).uniform(-0.2, 1.2, (2, 32, 48, 3)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return perturbed(torch_convnextv2.ConvNeXtV2(*SIZES.values()))


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    """The converted weights of `model`, beside those of a classifier."""
    folder = tmp_path_factory.mktemp("convnextv2")
    tensors = {**model.state_dict(), "head.fc.bias": torch.zeros(5)}
    torch.save(tensors, folder / "timm.pth")
    network = ConvNeXtV2(**SIZES)
    return convert_convnextv2(folder / "timm.pth", folder, network=network)


def perturbed(model):
    """A model with no weight at its initial value, global responses least of all."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 1.0 if ".grn." in name else 0.2
            parameter.add_(scale * torch.randn(parameter.shape))
    return model


def torch_maps(model, images):
    """As the method says: clipped, and normalized as for ImageNet."""
    x = torch.from_numpy(images).movedim(-1, 1).clip(0.0, 1.0)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    with torch.no_grad():
        maps = model((x - mean[:, None, None]) / deviation[:, None, None])
    return [m.movedim(1, -1).numpy() for m in maps]


def assert_equal_maps(network, model, stages):
    expected = torch_maps(model, IMAGES)
    for value, stage in zip(network(IMAGES), stages, strict=True):
        assert np.std(expected[stage]) > 0.5
        atol = 2e-5 * np.abs(expected[stage]).max()
        np.testing.assert_allclose(to_numpy(value), expected[stage], atol=atol)


def test_maps_are_those_of_a_torch_program(model, path):
    assert path.name == "convnextv2_nano.npz"
    network = ConvNeXtV2((0, 2, 1), **SIZES, source=path)
    assert_equal_maps(network, model, (0, 2, 1))


def test_the_published_size_is_timms(tmp_path):
    timm = import_timm()
    names = {"features_only": True, "pretrained": False, "out_indices": (0, 1, 2, 3)}
    model = perturbed(timm.create_model("convnextv2_nano.fcmae_ft_in1k", **names))
    tensors = {
        name.replace("stages_", "stages.").replace("stem_", "stem."): tensor
        for name, tensor in model.state_dict().items()
    }
    whole = timm.create_model("convnextv2_nano.fcmae_ft_in1k").state_dict()
    tensors.update({n: t for n, t in whole.items() if n.startswith("head.")})
    assert set(tensors) == set(whole)
    torch.save(tensors, tmp_path / "timm.pth")
    network = ConvNeXtV2(source=convert_convnextv2(tmp_path / "timm.pth", tmp_path))
    assert_equal_maps(network, model.eval(), (1, 2))


def import_timm():
    """timm, or a skipped test: it fails in many ways without a fitting torchvision."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import timm
    except Exception as error:
        pytest.skip(f"timm cannot be imported: {error}")
    return timm


def test_safetensors(model, path, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    tensors = {name: t.contiguous() for name, t in model.state_dict().items()}
    safetensors.save_file(tensors, tmp_path / "model.safetensors")
    converted = convert_convnextv2(
        tmp_path / "model.safetensors", tmp_path, network=ConvNeXtV2(**SIZES)
    )
    with np.load(path) as ours, np.load(converted) as others:
        assert set(ours.files) == set(others.files)
        assert all(np.array_equal(ours[name], others[name]) for name in ours.files)


def test_a_file_of_another_size_is_refused(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "timm.pth")
    with pytest.raises(ValueError, match=r"missing \['stages.0.blocks.1"):
        convert_convnextv2(tmp_path / "timm.pth", tmp_path)
    network = ConvNeXtV2(depths=(1, 2, 1), hidden_dims=(8, 12, 20))
    with pytest.raises(ValueError, match=r"must have the shape \(20, .*\(16, "):
        convert_convnextv2(tmp_path / "timm.pth", tmp_path, network=network)
    assert not (tmp_path / "convnextv2_nano.npz").exists()


def test_weights_are_found_by_the_name_of_their_file(path, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SPHERE_PERCEPTUAL_DIR", str(tmp_path))
    network = ConvNeXtV2((0,), **SIZES)
    with pytest.raises(FileNotFoundError, match=r"convnextv2_nano\.npz"):
        network.build((None, 16, 16, 3))
    with np.load(path) as arrays:
        write_weight_file(tmp_path / path.name, dict(arrays))
    expected = ConvNeXtV2((0,), **SIZES, source=path)(IMAGES)
    np.testing.assert_array_equal(*map(to_numpy, (network(IMAGES)[0], expected[0])))


def test_gradients_are_finite_where_a_channel_is_silent():
    network = ConvNeXtV2((1,), **SIZES, source=None)
    network.build((None, 32, 48, 3))
    for name, variable in network.arrays.items():
        if "_expand_" in name:
            variable.assign(np.zeros(variable.shape))
    (gradient,) = input_gradients(
        lambda x: network(x)[0], [IMAGES], np.ones((2, 4, 6, 12), "float32")
    )
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0.0)


def test_pixels_outside_the_range_get_no_gradient():
    network = ConvNeXtV2((0,), **SIZES, source=None)
    cotangent = np.random.default_rng(1).standard_normal((2, 8, 12, 8))
    (gradient,) = input_gradients(
        lambda x: network(x)[0], [IMAGES], cotangent.astype("float32")
    )
    outside = (IMAGES < 0.0) | (IMAGES > 1.0)
    assert np.all(gradient[outside] == 0.0)
    assert np.mean(gradient[~outside] != 0.0) > 0.99
