"""Angles to vectors: what tells a decoder how noisy its latent is."""

import math
from typing import Any

import keras
import numpy as np

from keras_sphere.layers.dense import Dense
from keras_sphere.validation import read_boolean, read_integer, read_positive

NUM_FREQUENCIES = 128
_LARGEST_PHASE = 1000.0


def frequencies():
    """`10000^(-k/128)` for k < 128, a float32 array."""
    exponents = np.arange(NUM_FREQUENCIES, dtype="float64") / NUM_FREQUENCIES
    return (10000.0**-exponents).astype("float32")


def sinusoids(values):
    """Cosines, then sines, of `values 10000^(-k/128)` for k < 128, in float32.

    Args:
        values: Tensor of shape `(batch,)`.

    Returns:
        float32 tensor of shape `(batch, 256)`.
    """
    ops = keras.ops
    phases = ops.cast(values, "float32")[:, None] * ops.convert_to_tensor(frequencies())
    return ops.concatenate([ops.cos(phases), ops.sin(phases)], axis=1)


@keras.saving.register_keras_serializable(package="keras_sphere")
class SinusoidEmbedding(keras.layers.Layer):
    """Sinusoids of a number per image, and two dense layers with SiLU between.

    Args:
        hidden_dim: Integer. Length of a vector.
        starts_at_zero: Boolean. Whether the last layer starts from zeros, in place of
            N(0, 0.02).
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        values: Float tensor of shape `(batch,)`.

    Returns:
        Float tensor of shape `(batch, 1, hidden_dim)`.

    Reference:
        - [Scalable Diffusion Models with Transformers](https://arxiv.org/abs/2212.09748)
    """

    def __init__(
        self, hidden_dim: int, starts_at_zero: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # phases of a thousand need float32
        self.hidden_dim = read_integer("hidden_dim", hidden_dim)
        self.starts_at_zero = read_boolean("starts_at_zero", starts_at_zero)

    def build(self, input_shape=None):
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.expand = Dense(
            self.hidden_dim,
            kernel_initializer=normal,
            dtype=self.dtype_policy,
            name="expand",
        )
        self.contract = Dense(
            self.hidden_dim,
            kernel_initializer="zeros" if self.starts_at_zero else normal,
            dtype=self.dtype_policy,
            name="contract",
        )
        self.expand.build((None, 2 * NUM_FREQUENCIES))
        self.contract.build((None, self.hidden_dim))

    def call(self, values):
        bank = keras.ops.cast(sinusoids(values), self.compute_dtype)
        return self.contract(keras.ops.silu(self.expand(bank)))[:, None, :]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "starts_at_zero": self.starts_at_zero,
        }


@keras.saving.register_keras_serializable(package="keras_sphere")
class AngleEmbedding(SinusoidEmbedding):
    """A vector per angle: the `SinusoidEmbedding` of `1000 clip(angle / largest)`.

    Args:
        hidden_dim: Integer. Length of a vector.
        max_angle_degrees: Float. The largest angle; larger ones are told apart no more.
        starts_at_zero: Boolean. See `SinusoidEmbedding`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        angles: Float tensor of shape `(batch,)`, radians.

    Returns:
        Float tensor of shape `(batch, 1, hidden_dim)`.

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208)
    """

    def __init__(
        self,
        hidden_dim: int,
        max_angle_degrees: float,
        starts_at_zero: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(hidden_dim, starts_at_zero, **kwargs)
        self.max_angle_degrees = read_positive("max_angle_degrees", max_angle_degrees)

    def call(self, angles):
        angles = keras.ops.cast(angles, "float32")
        shares = keras.ops.clip(angles / math.radians(self.max_angle_degrees), 0.0, 1.0)
        return super().call(_LARGEST_PHASE * shares)

    def get_config(self):
        return {**super().get_config(), "max_angle_degrees": self.max_angle_degrees}
