"""The smallest trainings to try callbacks on."""

import contextlib
import functools
import resource

import keras
import numpy as np

from keras_sphere import SphereAdamW, SphereEncoderBackbone, SphereEncoderModel
from tests import tiny_models
from tests.testing import perturb_weights

IMAGES, LABELS = tiny_models.new_images(), tiny_models.new_labels()
JIT_COMPILE = "auto" if keras.backend.backend() == "jax" else False


@functools.cache
def _shared():
    model = tiny_models.new_model()
    model.compile(SphereAdamW(0.01, ema_momentum=0.5), jit_compile=JIT_COMPILE)
    model.build_training()
    return model, tiny_models.state(model)


def new_model():
    """A conditional model of 16 px color images, compiled once for all tests."""
    model, values = _shared()
    tiny_models.restore(model, values)
    return model


def fit(model, callbacks, epochs=1, **arguments):
    """Trains two steps of four images per epoch, in order."""
    arguments = {"x": IMAGES, "y": LABELS, "batch_size": 4, **arguments}
    return model.fit(
        **arguments, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks
    ).history


@functools.cache
def _gray(optimizer):
    size = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}
    backbone = SphereEncoderBackbone(
        8,
        4,
        4,
        num_channels=1,
        encoder_size=size,
        decoder_size=size,
        encoder_mixer_depth=0,
        decoder_mixer_depth=0,
    )
    perturb_weights(backbone)
    model = SphereEncoderModel(backbone, seed=0, sampling={"use_ema": True})
    model.compile(optimizer, jit_compile=JIT_COMPILE)
    model.build_training()
    return model, tiny_models.state(model)


def gray_model(optimizer=None):
    """An unconditional model of 8 px gray images, which draws from its average."""
    model, values = _gray(optimizer)
    tiny_models.restore(model, values)
    return model


def fit_line(callbacks, epochs=1, model=None, learning_rate=0.1, **arguments):
    """Fits a straight line: Keras alone, without our model; returns the model."""
    if model is None:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(learning_rate), "mse", jit_compile=False)
    if "x" not in arguments:  # 3 steps, of 4, 4 and 2
        x = np.linspace(-1.0, 1.0, 10, dtype="float32")[:, None]
        arguments = {"x": x, "y": 2.0 * x, "batch_size": 4, **arguments}
    model.fit(**arguments, epochs=epochs, verbose=0, callbacks=callbacks)
    return model


@contextlib.contextmanager
def full_disk(num_bytes=100):
    """Context in which no file can become longer than that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
