"""MLP-Mixer: lets the tokens of a latent exchange information cheaply."""

from typing import Any

import keras

from keras_sphere.backend.fused_operations import multiply_add, rms_normalization
from keras_sphere.layers.dense import Dense
from keras_sphere.layers.rms_normalization import RMSNormalization
from keras_sphere.validation import read_boolean, read_integer


@keras.saving.register_keras_serializable(package="keras_sphere")
class MixerBlock(keras.layers.Layer):
    """`x += alpha1 T(norm1(x)); x += alpha2 C(norm2(x))`, both alphas 0 at first.

    T is a two-layer perceptron over the tokens (N, N), C one over the channels
    (2 C, C), with SiLU between.

    Args:
        kernel_initializer: Initializer of the dense layers.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, channels)`.

    Returns:
        Float tensor of the same shape.
    """

    def __init__(self, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def _perceptron(self, inputs, inner, name):
        layers = [
            Dense(
                units,
                activation=activation,
                kernel_initializer=self.kernel_initializer.clone(),
                dtype=self.dtype_policy,
                name=f"{name}_{position}",
            )
            for position, units, activation in (
                ("in", inner, "silu"),
                ("out", inputs, None),
            )
        ]
        layers[0].build((None, None, inputs))
        layers[1].build((None, None, inner))
        return layers

    def build(self, input_shape):
        _, num_tokens, channels = input_shape
        self.norm1, self.norm2 = (
            RMSNormalization(dtype=self.dtype_policy, name=name)
            for name in ("norm1", "norm2")
        )
        self.norm1.build(input_shape)
        self.norm2.build(input_shape)
        self.token_in, self.token_out = self._perceptron(
            num_tokens, num_tokens, "token"
        )
        self.channel_in, self.channel_out = self._perceptron(
            channels, 2 * channels, "channel"
        )
        self.alpha1, self.alpha2 = (
            self.add_weight(name=name, shape=(1,), initializer="zeros")
            for name in ("alpha1", "alpha2")
        )

    def call(self, tokens):
        transposed = keras.ops.swapaxes(self.norm1.call(tokens), 1, 2)
        mixed = self.token_out(self.token_in(transposed))
        mixed = keras.ops.swapaxes(mixed, 1, 2)
        tokens = multiply_add(mixed, self.alpha1, tokens)
        mixed = self.channel_out(self.channel_in(self.norm2.call(tokens)))
        return multiply_add(mixed, self.alpha2, tokens)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package="keras_sphere")
class MLPMixer(keras.layers.Layer):
    """A stack of mixer blocks with an RMSNorm over the channels at its end.

    Args:
        depth: Integer, at least 1. Number of blocks.
        affine: Boolean. Whether the last norm has a learned weight.
        kernel_initializer: Initializer of the dense layers.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, channels)`.

    Returns:
        Float tensor of the same shape, of RMS 1 per token before the weight.

    Reference:
        - [MLP-Mixer](https://arxiv.org/abs/2105.01601)
    """

    def __init__(
        self,
        depth: int,
        affine: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.depth = read_integer("depth", depth)
        self.affine = read_boolean("affine", affine)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.blocks = [
            MixerBlock(
                self.kernel_initializer.clone(),
                dtype=self.dtype_policy,
                name=f"block_{i}",
            )
            for i in range(self.depth)
        ]
        for block in self.blocks:
            block.build(input_shape)
        if self.affine:
            self.norm = RMSNormalization(dtype=self.dtype_policy, name="norm")
            self.norm.build(input_shape)

    def call(self, tokens):
        for block in self.blocks:
            tokens = block.call(tokens)
        if self.affine:
            return self.norm.call(tokens)
        return rms_normalization(tokens)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "affine": self.affine,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
