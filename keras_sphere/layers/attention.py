"""Self-attention with rotary positions."""

import keras

from keras_sphere.backend import fused_operations
from keras_sphere.layers.dense import Dense
from keras_sphere.layers.rotary_embedding import rotation
from keras_sphere.validation import read_integer


def attend(tokens, qkv, projection, num_heads, tables):
    """Self-attention with the dense layers `qkv` and `projection`.

    Args:
        tokens: Float tensor of shape `(batch, num_tokens, channels)`.
        qkv: Callable that returns queries, keys and values of tokens; see
            `fused_operations.rotary_attention`.
        projection: Callable of what the heads return.
        num_heads: Integer.
        tables: Pair of tensors, see `RotaryAttention.tables`.

    Returns:
        Float tensor of the shape of `tokens`.
    """
    return projection(
        fused_operations.rotary_attention(qkv(tokens), num_heads, *tables)
    )


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

    def tables(self, tokens):
        """Cosines and signed sines of the rotation of tokens, of their dtype."""
        num_prefix_tokens = tokens.shape[1] - self.grid_size**2
        return fused_operations.constants(
            rotation, (self.head_dim, self.grid_size, num_prefix_tokens), like=tokens
        )

    def call(self, tokens):
        return attend(
            tokens,
            self.qkv.inside,
            self.projection.inside,
            self.num_heads,
            self.tables(tokens),
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "grid_size": self.grid_size,
        }
