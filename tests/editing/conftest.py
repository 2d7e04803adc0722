"""Tiny models of every kind, and a trained one."""

import pytest

from keras_sphere import SphereEncoderBackbone, SphereEncoderModel, presets
from tests import tiny_models
from tests.testing import perturb_weights


@pytest.fixture(scope="module", autouse=True)
def quick(quick_compilation):
    """All modules of this folder."""


@pytest.fixture(scope="session")
def conditional():
    """Three classes, color."""
    return tiny_models.new_model(sampling={"steps": 2})


@pytest.fixture(scope="session")
def unconditional():
    """No classes, gray, every token on a sphere of its own."""
    size = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}
    backbone = SphereEncoderBackbone(
        16,
        8,
        4,
        num_channels=1,
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=0,
        decoder_mixer_depth=0,
        spherify_per_token=True,
    )
    perturb_weights(backbone)
    return SphereEncoderModel(backbone, 80.0, seed=0, sampling={"steps": 2})


@pytest.fixture(params=["conditional", "unconditional"])
def any_model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def digits():
    """The trained model of handwritten digits."""
    return presets.load("digits16", compile=False)
