"""The Inception network against torch-fidelity, with random weights."""

import keras
import numpy as np
import pytest

from keras_sphere.evaluation import InceptionFeatures
from keras_sphere.evaluation.inception_network import (
    build_inception_network,
    load_inception_weights,
    weight_layouts,
)
from keras_sphere.evaluation.inception_weights import convert_inception
from keras_sphere.files.integrity import CorruptFileError
from keras_sphere.perceptual.weight_files import write_weight_file
from tests.torch_fidelity_package import torch_fidelity

torch = pytest.importorskip("torch")


def random_tensors():
    """Tensors by their public names, of a size that keeps activations near 1."""
    generator = np.random.default_rng(0)
    tensors = {}
    for name, (variable, to_public, _) in weight_layouts(
        build_inception_network()
    ).items():
        shape = [variable.shape[axis] for axis in to_public]
        values = generator.standard_normal(shape)
        if len(shape) == 4:
            values *= np.sqrt(2.0 / np.prod(shape[1:]))
        elif name.endswith(("bn.weight", "running_var")):
            values = 0.5 + generator.random(shape)
        else:
            values *= 0.05
        tensors[name] = torch.from_numpy(values.astype("float32"))
    return tensors


@pytest.fixture(scope="module")
def public_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "inception.pth"
    counters = {"Conv2d_1a_3x3.bn.num_batches_tracked": torch.tensor(3)}
    torch.save({**random_tensors(), **counters}, path)
    return path


def torch_fidelity_network(path):
    """The extractor of torch-fidelity with the weights of a file."""
    tensors = torch.load(path, weights_only=True)
    for name in [name for name in tensors if name.endswith("running_var")]:
        counter = name.replace("running_var", "num_batches_tracked")
        tensors.setdefault(counter, torch.tensor(0))
    complete = path.with_name("complete.pth")
    torch.save(tensors, complete)
    with torch_fidelity("feature_extractor_inceptionv3") as module:
        return module.FeatureExtractorInceptionV3(
            "inception", ["2048", "logits"], feature_extractor_weights_path=complete
        )


@pytest.mark.slow
def test_features_are_those_of_torch_fidelity(public_file, tmp_path):
    public = torch_fidelity_network(public_file)
    path = convert_inception(public_file, tmp_path, verify=False)
    ours = InceptionFeatures(path)
    images = np.random.default_rng(1).integers(0, 256, (2, 40, 30, 3)).astype("uint8")
    with torch.no_grad():
        features, logits = public(torch.from_numpy(images.transpose(0, 3, 1, 2)))
    outputs = ours(images)
    assert features.numpy().std() > 0.1
    np.testing.assert_allclose(outputs["features"], features.numpy(), atol=2e-4)
    np.testing.assert_allclose(outputs["logits"], logits.numpy(), atol=2e-4)
    other = InceptionFeatures(path, resize="half_pixel")
    assert other.name != ours.name
    assert np.abs(other(images)["features"] - outputs["features"]).max() > 1e-2


@pytest.mark.slow
def test_conversion_takes_the_public_file_only(public_file, tmp_path):
    with pytest.raises(CorruptFileError, match="starts with 6726825d"):
        convert_inception(public_file, tmp_path)
    tensors = random_tensors()
    del tensors["fc.bias"]
    torch.save(tensors, tmp_path / "less.pth")
    with pytest.raises(ValueError, match=r"missing \['fc\.bias'\]"):
        convert_inception(tmp_path / "less.pth", tmp_path, verify=False)
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.slow
def test_every_weight_is_loaded(tmp_path):
    network = build_inception_network(width_divisor=16)
    values = {
        name: np.full(tuple(variable.shape), 1.0 + number, "float32")
        for number, (name, (variable, _, _)) in enumerate(
            weight_layouts(network).items()
        )
    }
    write_weight_file(tmp_path / "weights.npz", values)
    load_inception_weights(network, tmp_path / "weights.npz")
    loaded = [keras.ops.convert_to_numpy(v).flat[0] for v in network.variables]
    assert sorted(loaded) == [1.0 + number for number in range(len(values))]


def test_missing_weights_say_where_they_come_from(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SPHERE_PERCEPTUAL_DIR", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    with pytest.raises(FileNotFoundError, match=r"evaluation\.inception_weights"):
        InceptionFeatures()
    with pytest.raises(FileNotFoundError, match=r"Received: .*nowhere\.npz"):
        InceptionFeatures(tmp_path / "nowhere.npz")
