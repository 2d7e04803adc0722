"""The gated feed-forward layer."""

import keras

from keras_sphere.backend import fused_operations
from keras_sphere.layers.dense import Dense


@keras.saving.register_keras_serializable(package="keras_sphere")
class SwiGLU(keras.layers.Layer):
    """Feed-forward layer gated by SiLU: `W3 (silu(a) b)` with `[a | b] = W12 x`.

    The inner width is `floor(8 / 3 width)`, so that it has as many weights as an
    ungated layer of four times the width.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(..., width)`.

    Returns:
        Float tensor of the same shape.

    Reference:
        - [GLU Variants Improve Transformer](https://arxiv.org/abs/2002.05202)
    """

    def build(self, input_shape):
        width = input_shape[-1]
        inner = 8 * width // 3
        self.expand = Dense(2 * inner, dtype=self.dtype_policy, name="expand")
        self.contract = Dense(width, dtype=self.dtype_policy, name="contract")
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], inner))

    def call(self, x):
        return self.contract(fused_operations.gated_silu(*self.expand.halves(x)))

    def compute_output_shape(self, input_shape):
        return input_shape
