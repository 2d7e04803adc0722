"""Exported programs give what the networks give, for batches of any size."""

import keras
import numpy as np
import pytest

from keras_sphere.models import DINOv3Encoder
from tests import tiny_models
from tests.testing import to_numpy

BACKEND = keras.backend.backend()
FORMAT = "torch" if BACKEND == "torch" else "tf_saved_model"
IMAGES = tiny_models.new_images(3)
LABELS = np.asarray([0, 2, 1], "int32")

pytestmark = pytest.mark.filterwarnings("ignore")  # of the exporters


@pytest.fixture(scope="module")
def fresh_model():
    """A model that nobody has called."""
    return tiny_models.new_model()


def load(path):
    """The exported program as a function of arrays."""
    if FORMAT == "torch":
        import torch

        program = torch.export.load(path).module()
        return lambda *arrays: program(*map(torch.as_tensor, arrays))
    tensorflow = pytest.importorskip("tensorflow")
    loaded = tensorflow.saved_model.load(path)  # its variables live as long as it
    return lambda *arrays: loaded.serve(*arrays)


def export(network, folder, **arguments):
    if FORMAT == "tf_saved_model":
        pytest.importorskip("tensorflow")
    path = str(folder / f"{network.name}.pt2")
    network.export(path, format=FORMAT, verbose=False, **arguments)
    return load(path)


def check(program, network, *arrays):
    for count in (1, 3):
        given = [array[:count] for array in arrays]
        received = program(*given)
        if FORMAT == "torch":
            received = received.detach().cpu()
        np.testing.assert_allclose(
            to_numpy(received), to_numpy(network(*given)), atol=1e-5
        )


def test_a_model_needs_no_signature(fresh_model, tmp_path):
    program = export(fresh_model, tmp_path)
    check(program, fresh_model, IMAGES)


def test_a_decoder_with_labels(fresh_model, tmp_path):
    backbone = fresh_model.backbone
    specs = [
        keras.InputSpec(dtype="float32", shape=(None, *backbone.latent_shape)),
        keras.InputSpec(dtype="int32", shape=(None,)),
    ]
    decoder = export(backbone.decoder, tmp_path, input_signature=specs)
    points = to_numpy(backbone.spherify(backbone.encode(IMAGES)))
    check(decoder, backbone.decoder, points, LABELS)


def test_a_frozen_encoder(tmp_path):
    encoder = DINOv3Encoder(8, 1, 2, 4, 12, input_size=8, token_channels=5)
    with pytest.raises(ValueError, match="must be built"):
        export(encoder, tmp_path)
    encoder.build((None, *IMAGES.shape[1:]))
    check(export(encoder, tmp_path), encoder, IMAGES)


def test_what_a_backend_cannot_write_is_refused(fresh_model, tmp_path):
    cannot = "tf_saved_model" if BACKEND == "torch" else "torch"
    for network in (fresh_model, fresh_model.backbone, fresh_model.backbone.encoder):
        with pytest.raises(ValueError, match=f"Use `export.*{FORMAT}.*Received: form"):
            network.export(str(tmp_path / "program.pt2"), format=cannot)


def test_a_layer_that_has_no_shape_yet_is_refused(fresh_model, tmp_path):
    encoder = fresh_model.backbone.encoder
    fresh = type(encoder).from_config(encoder.get_config())
    with pytest.raises(ValueError, match=r"must be built.*Received: encoder"):
        fresh.export(str(tmp_path / "program"), format=FORMAT)
