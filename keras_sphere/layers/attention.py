"""Self-attention with rotary positions."""

import keras

from keras_sphere.backend import fused_operations
from keras_sphere.layers.dense import Dense
from keras_sphere.layers.rotary_embedding import rotation
from keras_sphere.validation import read_integer


@keras.saving.register_keras_serializable(package="keras_sphere")
class RotaryAttention(keras.layers.Layer):
    """Multi-head self-attention whose queries and keys are rotated by position.

    One dense layer gives [queries | keys | values], each split into heads
    contiguously. The last `grid_size**2` tokens lie on the grid; tokens in front of
    them are not rotated.

    Args:
        num_heads: Integer.
        grid_size: Integer. Tokens per side of the grid.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.

    Returns:
        Float tensor of the same shape.

    Raises:
        ValueError: If `hidden_dim / num_heads` is not a multiple of 4.
    """

    def __init__(self, num_heads, grid_size, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = read_integer("num_heads", num_heads)
        self.grid_size = read_integer("grid_size", grid_size)

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        if hidden_dim % (4 * self.num_heads):
            raise ValueError(
                "The width must be a multiple of 4 `num_heads`. Received: "
                f"width={hidden_dim}, num_heads={self.num_heads}"
            )
        self.qkv = Dense(3 * hidden_dim, dtype=self.dtype_policy, name="qkv")
        self.projection = Dense(hidden_dim, dtype=self.dtype_policy, name="projection")
        self.qkv.build(input_shape)
        self.projection.build(input_shape)
        self.head_dim = hidden_dim // self.num_heads

    def call(self, tokens):
        ops = keras.ops
        batch, num_tokens = ops.shape(tokens)[0], tokens.shape[1]
        qkv = ops.reshape(
            self.qkv(tokens), (batch, num_tokens, 3, self.num_heads, self.head_dim)
        )
        tables = fused_operations.constants(
            rotation,
            (self.head_dim, self.grid_size, num_tokens - self.grid_size**2),
            like=qkv,
        )
        mixed = fused_operations.attention(
            *fused_operations.rotate_queries_and_keys(qkv, *tables)
        )
        return self.projection(ops.reshape(mixed, ops.shape(tokens)))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "grid_size": self.grid_size,
        }
