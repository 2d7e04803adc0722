"""One block of the vision transformers."""

import functools

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
from keras_sphere.backend.replicas import draw_for_batch
from keras_sphere.layers.attention import RotaryAttention, attend
from keras_sphere.layers.modulation import AdaptiveModulation, modulation_vectors
from keras_sphere.layers.rms_normalization import RMSNormalization
from keras_sphere.layers.swiglu import SwiGLU, gated
from keras_sphere.validation import read_boolean, read_integer, read_positive

NUM_VECTORS = 6


def transform(tokens, vectors, norms, attention, feed_forward, path_weights=None):
    """The mathematics of a block; see `TransformerBlock`.

    Args:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.
        vectors: List of six tensors of shape `(batch, 1, hidden_dim)`, or `None`.
        norms: Two pairs of scale and epsilon, arguments of `rms_normalization`.
        attention: Callable of normalised tokens.
        feed_forward: Likewise.
        path_weights: Float tensor of shape `(batch, 2)`, or `None`: factors of both
            branches; see `path_weights`.

    Returns:
        Float tensor of the shape of `tokens`.
    """
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


def _weighted(mixed, path):
    return mixed if path is None else mixed * keras.ops.cast(path, mixed.dtype)


def path_weights(ranks, dropout):
    """Factors of a branch per image: stochastic depth of whole shares of a batch.

    `floor((1 - dropout) batch)` images, at least one, keep the branch, by a factor of
    `batch / kept`; for the others it is left out.

    Args:
        ranks: Integer tensor of shape `(batch,)`, a permutation: the images of the
            lowest ranks keep it.
        dropout: Float in [0, 1).

    Returns:
        float32 tensor of shape `(batch,)`.

    Reference:
        - [DINOv2](https://arxiv.org/abs/2304.07193), efficient stochastic depth.
    """
    ops = keras.ops
    batch = ops.cast(ops.max(ranks) + 1, "float32")
    kept = ops.maximum(ops.floor((1.0 - dropout) * batch + 1e-4), 1.0)
    is_kept = ops.cast(ops.cast(ranks, "float32") < kept, "float32")
    return is_kept * (batch / kept)


def draw_path_weights(batch, dropout, seed):
    """`path_weights` of both branches of a block, drawn for the global batch.

    Args:
        batch: Integer, the images of this replica.
        dropout: Float in [0, 1).
        seed: `keras.random.SeedGenerator`.

    Returns:
        float32 tensor of shape `(batch, 2)`.
    """

    def draw(shape):
        uniform = keras.random.uniform(shape, seed=seed)
        return path_weights(keras.ops.argsort(uniform), dropout)

    branches = [draw_for_batch(draw, (batch,)) for _ in range(2)]
    return keras.ops.stack(branches, axis=1)


def transform_by_tensors(
    tokens, condition, path_weights, norms, weights, num_heads, tables
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
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.
        condition: Float tensor of shape `(batch, 1, hidden_dim)`, or `None`.
        path_weights: Float tensor of shape `(batch, 2)`, or `None`: factors of the
            attention and of the feed-forward layer; see `path_weights`.

    Returns:
        Float tensor of the shape of `tokens`.
    """

    def __init__(
        self,
        num_heads,
        grid_size,
        conditional=False,
        qk_norm=False,
        epsilon=1e-6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = read_integer("num_heads", num_heads)
        self.grid_size = read_integer("grid_size", grid_size)
        self.conditional = read_boolean("conditional", conditional)
        self.qk_norm = read_boolean("qk_norm", qk_norm)
        self.epsilon = read_positive("epsilon", epsilon)

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
        if compiled_blocks.are_asked_for() and not self._is_quantized():
            return self._run_compiled(tokens, condition, path_weights)
        return transform(
            tokens,
            self.modulation.call(condition) if self.conditional else None,
            self._norms(),
            self.attention.call,
            self.mlp.call,
            path_weights,
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
            self.attention.tables(tokens),
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

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "grid_size": self.grid_size,
            "conditional": self.conditional,
            "qk_norm": self.qk_norm,
            "epsilon": self.epsilon,
        }
