"""What the first step of a training costs."""

import keras
import pytest

from keras_sphere.models import SphereEncoderModel
from tests import tiny_models

BACKEND = keras.backend.backend()


@pytest.fixture
def passes(monkeypatch):
    """A list that grows by the training mode of each forward of a training."""
    modes = []
    forward = SphereEncoderModel.training_outputs

    def counted(self, *args, training=True, **kwargs):
        modes.append(training)
        return forward(self, *args, training=training, **kwargs)

    monkeypatch.setattr(SphereEncoderModel, "training_outputs", counted)
    return modes


def test_no_pass_but_those_of_the_steps(passes, quick_compilation):
    """TensorFlow traces a step again that makes variables; Keras looks for losses."""
    model = tiny_models.new_model(perceptual="gradient")
    model.compile(jit_compile="auto" if BACKEND == "jax" else False)
    tiny_models.fit(model)
    assert passes == ([True, True] if BACKEND == "torch" else [True])
