"""One block of DINOv3's vision transformers."""

from typing import Any

import keras

from keras_sphere.backend import fused_operations
from keras_sphere.layers.dense import Dense
from keras_sphere.layers.rotary_embedding import centered_rotation
from keras_sphere.layers.swiglu import gated
from keras_sphere.layers.wide_tensors import WideTensors
from keras_sphere.validation import read_boolean, read_integer, read_positive


@keras.saving.register_keras_serializable(package="keras_sphere")
class DINOv3Attention(keras.layers.Layer):
    """Multi-head self-attention, rotated by the centers of patches.

    Dense layers give queries, keys (without bias) and values, each split into heads
    contiguously. The last `grid_size**2` tokens lie on the grid; tokens in front of
    them are not rotated.

    Args:
        num_heads: Integer.
        grid_size: Integer. Tokens per side of the grid.
        rope_theta: Float. See `centered_rotation`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.

    Returns:
        Float tensor of the same shape.

    Raises:
        ValueError: If `hidden_dim / num_heads` is not a multiple of 4.
    """

    def __init__(self, num_heads, grid_size, rope_theta=100.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = read_integer("num_heads", num_heads)
        self.grid_size = read_integer("grid_size", grid_size)
        self.rope_theta = read_positive("rope_theta", rope_theta)

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        if hidden_dim % (4 * self.num_heads):
            raise ValueError(
                "The width must be a multiple of 4 `num_heads`. Received: "
                f"width={hidden_dim}, num_heads={self.num_heads}"
            )
        for name in ("query", "key", "value", "projection"):
            layer = Dense(
                hidden_dim, use_bias=name != "key", dtype=self.dtype_policy, name=name
            )
            layer.build(input_shape)
            setattr(self, name, layer)
        self.head_dim = hidden_dim // self.num_heads

    def call(self, tokens):
        num_prefix_tokens = tokens.shape[1] - self.grid_size**2
        numbers = (self.head_dim, self.grid_size, self.rope_theta, num_prefix_tokens)
        tables = fused_operations.constants(centered_rotation, numbers, like=tokens)
        layers = (self.query, self.key, self.value)
        mixed = fused_operations.half_rotary_attention(
            *(layer.inside(tokens) for layer in layers), self.num_heads, *tables
        )
        return self.projection.inside(mixed)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "grid_size": self.grid_size,
            "rope_theta": self.rope_theta,
        }


@keras.saving.register_keras_serializable(package="keras_sphere")
class DINOv3FeedForward(keras.layers.Layer):
    """Feed-forward layer: `down(silu(gate(x)) up(x))`, or `down(gelu(up(x)))`.

    Args:
        mlp_dim: Integer. The inner width.
        gated_mlp: Boolean. Which of the two; the second is that of the smaller
            networks, with the exact GELU.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        x: Float tensor of shape `(..., width)`.

    Returns:
        Float tensor of the same shape.
    """

    def __init__(self, mlp_dim, gated_mlp=True, **kwargs):
        super().__init__(**kwargs)
        self.mlp_dim = read_integer("mlp_dim", mlp_dim)
        self.gated_mlp = read_boolean("gated_mlp", gated_mlp)

    def build(self, input_shape):
        names = ("gate", "up") if self.gated_mlp else ("up",)
        for name in names:
            layer = Dense(self.mlp_dim, dtype=self.dtype_policy, name=name)
            layer.build(input_shape)
            setattr(self, name, layer)
        self.down = Dense(input_shape[-1], dtype=self.dtype_policy, name="down")
        self.down.build((*input_shape[:-1], self.mlp_dim))

    def call(self, x):
        if self.gated_mlp:
            return gated(x, self._gate_and_up, self.down.inside)
        return self.down.inside(keras.ops.gelu(self.up.inside(x), approximate=False))

    def _gate_and_up(self, x):
        return self.gate.inside(x), self.up.inside(x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "mlp_dim": self.mlp_dim,
            "gated_mlp": self.gated_mlp,
        }


@keras.saving.register_keras_serializable(package="keras_sphere")
class DINOv3Block(WideTensors, keras.layers.Layer):
    """Pre-norm attention and feed-forward layer, each scaled per channel and added.

    `x += s1 attention(norm1(x)); x += s2 mlp(norm2(x))`, with LayerNorm. Sums, norms
    and scales are in float32 at least, matrix products in the compute dtype.

    Args:
        num_heads: Integer.
        grid_size: Integer. Tokens per side of the grid.
        mlp_dim: Integer. Inner width of the feed-forward layer.
        gated_mlp: Boolean. See `DINOv3FeedForward`.
        rope_theta: Float. See `centered_rotation`.
        epsilon: Float. Of the norms.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.

    Returns:
        Float tensor of the same shape, float32 or wider.

    Raises:
        ValueError: If `hidden_dim / num_heads` is not a multiple of 4.
    """

    def __init__(
        self,
        num_heads: int,
        grid_size: int,
        mlp_dim: int,
        gated_mlp: bool = True,
        rope_theta: float = 100.0,
        epsilon: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = read_integer("num_heads", num_heads)
        self.grid_size = read_integer("grid_size", grid_size)
        self.mlp_dim = read_integer("mlp_dim", mlp_dim)
        self.gated_mlp = read_boolean("gated_mlp", gated_mlp)
        self.rope_theta = read_positive("rope_theta", rope_theta)
        self.epsilon = read_positive("epsilon", epsilon)

    def build(self, input_shape):
        policy = self.dtype_policy
        self.norm1, self.norm2 = (
            keras.layers.LayerNormalization(
                epsilon=self.epsilon, dtype=policy, name=name
            )
            for name in ("norm1", "norm2")
        )
        self.attention = DINOv3Attention(
            self.num_heads,
            self.grid_size,
            self.rope_theta,
            dtype=policy,
            name="attention",
        )
        self.mlp = DINOv3FeedForward(
            self.mlp_dim, self.gated_mlp, dtype=policy, name="mlp"
        )
        for layer in (self.norm1, self.attention, self.norm2, self.mlp):
            layer.build(input_shape)
        self.layer_scale1, self.layer_scale2 = (
            self.add_weight(
                name=name, shape=input_shape[-1:], initializer="ones", autocast=False
            )
            for name in ("layer_scale1", "layer_scale2")
        )

    # The parts are built and share the block's policy; see `TransformerBlock`.
    def call(self, tokens):
        branches = (
            (self.norm1, self.attention, self.layer_scale1),
            (self.norm2, self.mlp, self.layer_scale2),
        )
        for norm, layer, scale in branches:
            mixed, scale = (
                keras.ops.cast(x, tokens.dtype)
                for x in (layer.call(norm.call(tokens)), scale)
            )
            tokens = fused_operations.multiply_add(mixed, scale, tokens)
        return tokens

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "grid_size": self.grid_size,
            "mlp_dim": self.mlp_dim,
            "gated_mlp": self.gated_mlp,
            "rope_theta": self.rope_theta,
            "epsilon": self.epsilon,
        }
