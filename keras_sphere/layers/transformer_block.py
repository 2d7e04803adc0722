"""One block of the vision transformers."""

import keras

from keras_sphere.backend.fused_operations import multiply_add
from keras_sphere.layers.attention import RotaryAttention
from keras_sphere.layers.modulation import AdaptiveModulation, modulate
from keras_sphere.layers.rms_normalization import RMSNormalization
from keras_sphere.layers.swiglu import SwiGLU
from keras_sphere.validation import read_boolean, read_integer


@keras.saving.register_keras_serializable(package="keras_sphere")
class TransformerBlock(keras.layers.Layer):
    """Pre-norm attention and SwiGLU, each with a residual connection.

    Unconditional: `x += attention(norm1(x)); x += mlp(norm2(x))`. Conditional: the
    normalised tokens are shifted and scaled, and each branch gated, by six vectors
    made from the class vector: shift, scale and gate of the attention, then of the
    feed-forward layer.

    Args:
        num_heads: Integer.
        grid_size: Integer. Tokens per side of the grid.
        conditional: Boolean. Whether a condition is given.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.
        condition: Float tensor of shape `(batch, 1, hidden_dim)`, or `None`.

    Returns:
        Float tensor of the shape of `tokens`.
    """

    def __init__(self, num_heads, grid_size, conditional=False, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = read_integer("num_heads", num_heads)
        self.grid_size = read_integer("grid_size", grid_size)
        self.conditional = read_boolean("conditional", conditional)

    def build(self, input_shape):
        policy = self.dtype_policy
        self.norm1 = RMSNormalization(dtype=policy, name="norm1")
        self.attention = RotaryAttention(
            self.num_heads, self.grid_size, dtype=policy, name="attention"
        )
        self.norm2 = RMSNormalization(dtype=policy, name="norm2")
        self.mlp = SwiGLU(dtype=policy, name="mlp")
        for layer in (self.norm1, self.attention, self.norm2, self.mlp):
            layer.build(input_shape)
        if self.conditional:
            self.modulation = AdaptiveModulation(6, dtype=policy, name="modulation")
            self.modulation.build((input_shape[0], 1, input_shape[-1]))

    # The parts are built and share the block's policy: going through Keras' `__call__`
    # for each takes as long as the operations of a small model. Dense layers do go
    # through it, as quantized ones must.
    def call(self, tokens, condition=None):
        if not self.conditional:
            tokens = tokens + self.attention.call(self.norm1.call(tokens))
            return tokens + self.mlp.call(self.norm2.call(tokens))
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation.call(
            condition
        )
        mixed = self.attention.call(modulate(self.norm1, tokens, shift_a, scale_a))
        tokens = multiply_add(mixed, gate_a, tokens)
        mixed = self.mlp.call(modulate(self.norm2, tokens, shift_m, scale_m))
        return multiply_add(mixed, gate_m, tokens)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "grid_size": self.grid_size,
            "conditional": self.conditional,
        }
