"""Self-attention with rotary positions."""

from typing import Any

import keras

from keras_sphere.backend import fused_operations
from keras_sphere.layers.dense import Dense
from keras_sphere.layers.rotary_embedding import rotation
from keras_sphere.typing import Tensor
from keras_sphere.validation import read_boolean, read_integer, read_positive


def attend(tokens, qkv, projection, num_heads, tables, norm=None):
    """Self-attention with the dense layers `qkv` and `projection`.

    Args:
        tokens: Float tensor of shape `(batch, num_tokens, channels)`.
        qkv: Callable that returns queries, keys and values of tokens; see
            `fused_operations.rotary_attention`.
        projection: Callable of what the heads return.
        num_heads: Integer.
        tables: Pair of tensors, see `RotaryAttention.tables`.
        norm: See `fused_operations.rotary_attention`.

    Returns:
        Float tensor of the shape of `tokens`.
    """
    return projection(
        fused_operations.rotary_attention(qkv(tokens), num_heads, *tables, norm)
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
        qk_norm: Boolean. Whether queries and keys are normalised over the channels of
            each head before they are rotated, with a weight that all heads share.
        epsilon: Float. That of this norm.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.

    Returns:
        Float tensor of the same shape.

    Raises:
        ValueError: If `hidden_dim / num_heads` is not a multiple of 4.
    """

    def __init__(
        self,
        num_heads: int,
        grid_size: int,
        qk_norm: bool = False,
        epsilon: float = 1e-6,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = read_integer("num_heads", num_heads)
        self.grid_size = read_integer("grid_size", grid_size)
        self.qk_norm = read_boolean("qk_norm", qk_norm)
        self.epsilon = read_positive("epsilon", epsilon)

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
        if self.qk_norm:
            self.query_scale, self.key_scale = (
                self.add_weight(name=name, shape=(self.head_dim,), initializer="ones")
                for name in ("query_scale", "key_scale")
            )

    @property
    def norm(self) -> tuple[Tensor, Tensor, float] | None:
        """What `fused_operations.rotary_attention` takes as `norm`."""
        if not self.qk_norm:
            return None
        return self.query_scale, self.key_scale, self.epsilon

    def tables(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
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
            self.norm,
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "grid_size": self.grid_size,
            "qk_norm": self.qk_norm,
            "epsilon": self.epsilon,
        }
