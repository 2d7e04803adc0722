"""One block of the vision transformers."""

import functools
from typing import Any

import keras

from keras_sphere.backend import compiled_blocks
from keras_sphere.backend.fused_operations import (
    dense,
    dense_halves,
    modulated_normalization,
    multiply_add,
    rms_normalization,
    values,
)
from keras_sphere.layers.attention import RotaryAttention, attend
from keras_sphere.layers.modulation import AdaptiveModulation, modulation_vectors
from keras_sphere.layers.rms_normalization import RMSNormalization
from keras_sphere.layers.swiglu import SwiGLU, gated
from keras_sphere.layers.wide_tensors import narrow_dtype
from keras_sphere.validation import read_boolean, read_integer, read_positive

NUM_VECTORS = 6


def transform(
    tokens,
    vectors,
    norms,
    attention,
    feed_forward,
    path_weights=None,
    branch_dtype=None,
):
    """The mathematics of a block; see `TransformerBlock`.

    Args:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.
        vectors: List of six tensors of shape `(batch, 1, hidden_dim)`, or `None`.
        norms: Two pairs of scale and epsilon, arguments of `rms_normalization`.
        attention: Callable of normalised tokens.
        feed_forward: Likewise.
        path_weights: Float tensor of shape `(batch, 2)`, or `None`: factors of both
            branches; see `stochastic_depth.path_weights`.
        branch_dtype: String, a narrower dtype than that of `tokens`, which the two
            callables take and return; or `None`, theirs is the same.

    Returns:
        Float tensor of the shape and dtype of `tokens`.
    """
    if branch_dtype is not None:
        attention, feed_forward = (
            _in_dtype(f, branch_dtype) for f in (attention, feed_forward)
        )
        vectors = vectors and [keras.ops.cast(v, tokens.dtype) for v in vectors]
    norm1, norm2 = norms
    path_a, path_m = (None, None)
    if path_weights is not None:
        path_a, path_m = keras.ops.unstack(path_weights[..., None, None], 2, axis=1)
    if vectors is None:
        mixed = attention(rms_normalization(tokens, *norm1))
        tokens = tokens + _weighted(mixed, path_a)
        mixed = feed_forward(rms_normalization(tokens, *norm2))
        return tokens + _weighted(mixed, path_m)
    shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = vectors
    mixed = attention(modulated_normalization(tokens, *norm1, shift_a, scale_a))
    tokens = multiply_add(_weighted(mixed, path_a), gate_a, tokens)
    mixed = feed_forward(modulated_normalization(tokens, *norm2, shift_m, scale_m))
    return multiply_add(_weighted(mixed, path_m), gate_m, tokens)


def _in_dtype(function, dtype):
    """A function of a tensor, computed in another dtype than the tensor's."""

    def call(x):
        return keras.ops.cast(function(keras.ops.cast(x, dtype)), x.dtype)

    return call


def _weighted(mixed, path):
    return mixed if path is None else mixed * keras.ops.cast(path, mixed.dtype)


def transform_by_tensors(
    tokens,
    condition,
    path_weights,
    norms,
    weights,
    num_heads,
    tables,
    branch_dtype=None,
):
    """`transform` with dense layers of given weights.

    Args:
        tokens: See `transform`.
        condition: Float tensor of shape `(batch, 1, hidden_dim)`, or `None`.
        path_weights: See `transform`.
        norms: Three: those of `transform`, and what `RotaryAttention.norm` is.
        weights: Dict from names of dense layers to their kernel and bias; without
            that of the modulation, `condition` is left out.
        num_heads: Integer.
        tables: What `RotaryAttention.tables` returns.
        branch_dtype: See `transform`.

    Returns:
        Float tensor of the shape of `tokens`.
    """

    def layer(name, function=dense):
        kernel, bias = weights[name]
        return functools.partial(function, kernel=kernel, bias=bias)

    *block_norms, qk_norm = norms
    vectors = None
    if "modulation" in weights:
        vectors = modulation_vectors(condition, layer("modulation"), NUM_VECTORS)
    return transform(
        tokens,
        vectors,
        block_norms,
        lambda x: attend(
            x, layer("qkv"), layer("projection"), num_heads, tables, qk_norm
        ),
        lambda x: gated(x, layer("expand", dense_halves), layer("contract")),
        path_weights,
        branch_dtype,
    )


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
        qk_norm: Boolean. See `RotaryAttention`.
        epsilon: Float. Of every norm.
        wide_residuals: Boolean. Whether tokens stay in float32 where the policy
            computes in 16 bits, as the branches then do.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.
        condition: Float tensor of shape `(batch, 1, hidden_dim)`, or `None`.
        path_weights: Float tensor of shape `(batch, 2)`, or `None`: factors of the
            attention and of the feed-forward layer; see
            `stochastic_depth.path_weights`.

    Returns:
        Float tensor of the shape of `tokens`.
    """

    def __init__(
        self,
        num_heads: int,
        grid_size: int,
        conditional: bool = False,
        qk_norm: bool = False,
        epsilon: float = 1e-6,
        wide_residuals: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wide_residuals = read_boolean("wide_residuals", wide_residuals)
        self.num_heads = read_integer("num_heads", num_heads)
        self.grid_size = read_integer("grid_size", grid_size)
        self.conditional = read_boolean("conditional", conditional)
        self.qk_norm = read_boolean("qk_norm", qk_norm)
        self.epsilon = read_positive("epsilon", epsilon)

    @property
    def branch_dtype(self) -> str | None:
        """The dtype of the branches, if the tokens' is another; else `None`."""
        return narrow_dtype(self) if self.wide_residuals else None

    @property
    def input_dtype(self) -> str:
        """The dtype that Keras casts inputs to."""
        return "float32" if self.branch_dtype else super().input_dtype

    def build(self, input_shape):
        policy = self.dtype_policy
        self.norm1 = RMSNormalization(self.epsilon, dtype=policy, name="norm1")
        self.attention = RotaryAttention(
            self.num_heads,
            self.grid_size,
            self.qk_norm,
            self.epsilon,
            dtype=policy,
            name="attention",
        )
        self.norm2 = RMSNormalization(self.epsilon, dtype=policy, name="norm2")
        self.mlp = SwiGLU(dtype=policy, name="mlp")
        for layer in (self.norm1, self.attention, self.norm2, self.mlp):
            layer.build(input_shape)
        if self.conditional:
            self.modulation = AdaptiveModulation(
                NUM_VECTORS, dtype=policy, name="modulation"
            )
            self.modulation.build((input_shape[0], 1, input_shape[-1]))

    # The parts are built and share the block's policy: going through Keras' `__call__`
    # for each takes as long as the operations of a small model.
    def call(self, tokens, condition=None, path_weights=None):
        if self.branch_dtype and condition is not None:
            condition = keras.ops.cast(condition, self.branch_dtype)
        if compiled_blocks.are_asked_for() and not self._is_quantized():
            return self._run_compiled(tokens, condition, path_weights)
        return transform(
            tokens,
            self.modulation.call(condition) if self.conditional else None,
            self._norms(),
            self.attention.call,
            self.mlp.call,
            path_weights,
            self.branch_dtype,
        )

    def _run_compiled(self, tokens, condition, path_weights):
        weights = {
            name: values(layer.kernel, layer.bias)
            for name, layer in self._dense_layers().items()
        }
        return compiled_blocks.run_compiled(
            transform_by_tensors,
            (tokens, condition, path_weights),
            [norm and values(*norm) for norm in (*self._norms(), self.attention.norm)],
            weights,
            self.num_heads,
            self.attention.tables(keras.ops.cast(tokens, self.compute_dtype)),
            self.branch_dtype,
        )

    def _norms(self):
        return [(norm.scale, norm.epsilon) for norm in (self.norm1, self.norm2)]

    def _dense_layers(self):
        layers = {
            "qkv": self.attention.qkv,
            "projection": self.attention.projection,
            "expand": self.mlp.expand,
            "contract": self.mlp.contract,
        }
        if self.conditional:
            layers["modulation"] = self.modulation.linear
        return layers

    def _is_quantized(self):
        return any(layer.quantization_mode for layer in self._dense_layers().values())

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, tokens, *args, **kwargs):
        """Tokens of the dtype that Keras casts inputs to."""
        return keras.KerasTensor(tokens.shape, self.input_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "wide_residuals": self.wide_residuals,
            "num_heads": self.num_heads,
            "grid_size": self.grid_size,
            "conditional": self.conditional,
            "qk_norm": self.qk_norm,
            "epsilon": self.epsilon,
        }
