"""The network of a denoiser of features."""

import keras

from keras_sphere.layers import (
    AdaptiveModulation,
    Dense,
    SinusoidEmbedding,
    TransformerBlock,
)
from keras_sphere.layers.stochastic_depth import draw_path_weights
from keras_sphere.layers.transformer_block import NUM_VECTORS, transform
from keras_sphere.validation import read_boolean, read_integer, read_share

EPSILON = 1e-5


def score_width(feature_dim, width, num_heads, margin=0):
    """The width of a network of features: that asked for, or more for wide features.

    Args:
        feature_dim: Integer. Channels of a token of the features.
        width: Integer. The width that was asked for.
        num_heads: Integer.
        margin: Integer. How much wider than features that are wider than `width`.

    Returns:
        Integer, a multiple of 4 `num_heads`.
    """
    if feature_dim > width:
        width = feature_dim + margin
    unit = 4 * num_heads
    return -(-width // unit) * unit


@keras.saving.register_keras_serializable(package="keras_sphere")
class ScoreNetwork(keras.layers.Layer):
    """A transformer of feature tokens that is told how noisy they are, and a class.

    A dense layer and learned positions; blocks that are modulated by the vector of the
    noise plus that of the class; layer normalization and a dense layer that starts
    from zeros. `score_matching.denoising.denoise` makes a denoiser of it.

    Args:
        width: Integer. Width of every token; see `score_width`.
        num_layers: Integer. Number of blocks.
        num_heads: Integer.
        num_classes: Integer. 0 for an unconditional network; there is no null class.
        qk_norm: Boolean. See `RotaryAttention`.
        path_dropout: Float in [0, 1). Stochastic depth in training.
        width_margin: Integer. See `score_width`.
        shared_modulation: Boolean. Whether one dense layer modulates all blocks, each
            of which adds learned offsets (adaLN-single), in place of one per block.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        features: Float tensor of shape `(batch, num_tokens, channels)`; the tokens lie
            on a square grid.
        noise: Float tensor of shape `(batch,)`: `c_noise` of `preconditioning`.
        labels: Integer tensor of shape `(batch,)`, or `None`: as `num_classes` says.
        training: Boolean. Whether paths are dropped.

    Returns:
        Float tensor of the shape of `features`.

    Raises:
        ValueError: If the tokens do not make a square, or labels are given to an
            unconditional network or not given to another one.
    """

    def __init__(
        self,
        width=384,
        num_layers=2,
        num_heads=8,
        num_classes=0,
        qk_norm=True,
        path_dropout=0.1,
        width_margin=0,
        shared_modulation=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.width = read_integer("width", width)
        self.num_layers = read_integer("num_layers", num_layers)
        self.num_heads = read_integer("num_heads", num_heads)
        self.num_classes = read_integer("num_classes", num_classes, least=0)
        self.qk_norm = read_boolean("qk_norm", qk_norm)
        self.path_dropout = read_share("path_dropout", path_dropout)
        self.width_margin = read_integer("width_margin", width_margin, least=0)
        self.shared_modulation = read_boolean("shared_modulation", shared_modulation)
        if self.path_dropout:
            self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        *_, num_tokens, channels = input_shape
        grid_size = round(num_tokens**0.5)
        if grid_size**2 != num_tokens:
            raise ValueError(
                "The tokens must lie on a square grid. Received: features of shape "
                f"{tuple(input_shape)}"
            )
        policy = self.dtype_policy
        hidden_dim = score_width(
            channels, self.width, self.num_heads, self.width_margin
        )
        tokens_shape = (None, num_tokens, hidden_dim)
        self.input_projection = Dense(hidden_dim, dtype=policy, name="input_projection")
        self.input_projection.build(input_shape)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight(
            name="positions", shape=(1, num_tokens, hidden_dim), initializer=normal
        )
        self.noise_embedding = SinusoidEmbedding(
            hidden_dim, dtype=policy, name="noise_embedding"
        )
        self.noise_embedding.build((None,))
        if self.num_classes:
            self.classes = self.add_weight(
                name="classes", shape=(self.num_classes, hidden_dim), initializer=normal
            )
        self._build_blocks(tokens_shape, grid_size)
        self.norm = keras.layers.LayerNormalization(
            epsilon=EPSILON, dtype=policy, name="norm"
        )
        self.norm.build(tokens_shape)
        self.head = Dense(
            channels, kernel_initializer="zeros", dtype=policy, name="head"
        )
        self.head.build(tokens_shape)

    def _build_blocks(self, tokens_shape, grid_size):
        policy, hidden_dim = self.dtype_policy, tokens_shape[-1]
        self.blocks = [
            TransformerBlock(
                self.num_heads,
                grid_size,
                conditional=not self.shared_modulation,
                qk_norm=self.qk_norm,
                epsilon=EPSILON,
                dtype=policy,
                name=f"block_{i}",
            )
            for i in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(tokens_shape)
        if self.shared_modulation:
            self.modulation = AdaptiveModulation(
                NUM_VECTORS, dtype=policy, name="modulation"
            )
            self.modulation.build((None, 1, hidden_dim))
            self.offsets = self.add_weight(
                name="offsets",
                shape=(self.num_layers, NUM_VECTORS, hidden_dim),
                initializer="zeros",
            )

    def call(self, features, noise, labels=None, training=False):
        condition = self.noise_embedding(noise) + self._label_vectors(labels)
        tokens = self.input_projection(features) + self.positions
        vectors = None
        if self.shared_modulation:
            vectors = self.modulation(condition)
        for i, block in enumerate(self.blocks):
            paths = None
            if training and self.path_dropout:
                paths = draw_path_weights(
                    keras.ops.shape(features)[0], self.path_dropout, self.seed_generator
                )
            if vectors is None:
                tokens = block(tokens, condition, paths)
            else:
                tokens = self._modulated(i, tokens, vectors, paths)
        return self.head(self.norm(tokens))

    def _label_vectors(self, labels):
        if (labels is None) != (self.num_classes == 0):
            raise ValueError(
                "`labels` must be given to a network of classes, and to no other. "
                f"Received: labels={labels} with num_classes={self.num_classes}"
            )
        if labels is None:
            return 0.0
        indices = keras.ops.clip(
            keras.ops.cast(labels, "int32"), 0, self.num_classes - 1
        )
        indices = keras.ops.reshape(indices, (-1,))
        return keras.ops.take(self.classes, indices, axis=0)[:, None, :]

    def _modulated(self, index, tokens, vectors, paths):
        """A block without a modulation of its own."""
        block, offsets = self.blocks[index], self.offsets[index]
        vectors = [v + offsets[i] for i, v in enumerate(vectors)]
        norms = [(norm.scale, norm.epsilon) for norm in (block.norm1, block.norm2)]
        layers = block.attention, block.mlp
        return transform(tokens, vectors, norms, *layers, paths)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "width": self.width,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "num_classes": self.num_classes,
            "qk_norm": self.qk_norm,
            "path_dropout": self.path_dropout,
            "width_margin": self.width_margin,
            "shared_modulation": self.shared_modulation,
        }
