"""Conditioning by adaptive normalisation (AdaLN) with a class vector."""

from typing import Any

import keras

from keras_sphere.backend.fused_operations import modulated_normalization, silu, split
from keras_sphere.layers.dense import Dense
from keras_sphere.layers.rms_normalization import RMSNormalization
from keras_sphere.validation import read_boolean, read_integer, read_positive


def modulate(norm, x, shift, scale):
    """`norm(x) (1 + scale) + shift`, for a built `RMSNormalization`."""
    return modulated_normalization(x, norm.scale, norm.epsilon, shift, scale)


def modulation_vectors(condition, linear, count):
    """`linear(silu(condition))`, split into so many vectors."""
    return split(linear(silu(condition)), count)


@keras.saving.register_keras_serializable(package="keras_sphere")
class AdaptiveModulation(keras.layers.Layer):
    """Shifts, scales and gates from a class vector: one zero-initialised dense layer.

    Args:
        num_chunks: Integer. How many vectors to make.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        condition: Float tensor of shape `(batch, 1, hidden_dim)`.

    Returns:
        List of `num_chunks` tensors of that shape.

    Reference:
        - [Scalable Diffusion Models with Transformers](https://arxiv.org/abs/2212.09748)
    """

    def __init__(self, num_chunks: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_chunks = read_integer("num_chunks", num_chunks)

    def build(self, input_shape):
        self.linear = Dense(
            self.num_chunks * input_shape[-1],
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="linear",
        )
        self.linear.build(input_shape)

    def call(self, condition):
        return modulation_vectors(condition, self.linear.inside, self.num_chunks)

    def compute_output_shape(self, input_shape):
        return [input_shape] * self.num_chunks

    def get_config(self):
        return {**super().get_config(), "num_chunks": self.num_chunks}


@keras.saving.register_keras_serializable(package="keras_sphere")
class ModulatedDense(keras.layers.Layer):
    """The last dense layer of encoder and decoder, zero-initialised.

    With a condition: RMSNorm, modulation by shift and scale, then the dense layer.
    Without: the dense layer alone, with no norm at all.

    Args:
        units: Integer. Channels of the output.
        conditional: Boolean. Whether a condition is given.
        epsilon: Float. Of the norm.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.
        condition: Float tensor of shape `(batch, 1, hidden_dim)`, or `None`.

    Returns:
        Float tensor of shape `(batch, num_tokens, units)`.
    """

    def __init__(
        self,
        units: int,
        conditional: bool = False,
        epsilon: float = 1e-6,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = read_integer("units", units)
        self.conditional = read_boolean("conditional", conditional)
        self.epsilon = read_positive("epsilon", epsilon)

    def build(self, input_shape):
        self.linear = Dense(
            self.units,
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="linear",
        )
        self.linear.build(input_shape)
        if self.conditional:
            self.norm = RMSNormalization(
                self.epsilon, dtype=self.dtype_policy, name="norm"
            )
            self.norm.build(input_shape)
            self.modulation = AdaptiveModulation(
                2, dtype=self.dtype_policy, name="modulation"
            )
            self.modulation.build((input_shape[0], 1, input_shape[-1]))

    def call(self, tokens, condition=None):
        if self.conditional:
            shift, scale = self.modulation.call(condition)
            tokens = modulate(self.norm, tokens, shift, scale)
        return self.linear.inside(tokens)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "conditional": self.conditional,
            "epsilon": self.epsilon,
        }
