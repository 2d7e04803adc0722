"""One compiled model for all tests of this folder: compiling takes the time."""

import keras
import pytest

from tests import tiny_models


@pytest.fixture(scope="module", autouse=True)
def quick(quick_compilation):
    """All modules of this folder."""


def compile_quickly(model, **arguments):
    """Compiles a model without TensorFlow's XLA, which the golden tests run."""
    jit_compile = "auto" if keras.backend.backend() == "jax" else False
    model.compile(jit_compile=jit_compile, **arguments)
    model.optimizer.build(model.trainable_variables)
    return model


def without_tracing(model):
    """For a model that trains a few steps, beside others whose steps are traced.

    TensorFlow runs ten of them in the time that it takes to trace one.
    """
    model.run_eagerly = keras.backend.backend() == "tensorflow"
    return model


@pytest.fixture(scope="session")
def shared_model():
    return compile_quickly(tiny_models.new_model())


@pytest.fixture
def model(shared_model):
    """The class-conditional model, compiled; a test may train or spoil it."""
    values = tiny_models.state(shared_model)
    yield shared_model
    tiny_models.restore(shared_model, values)
