"""The transformer that encoder and decoder share."""

import keras

from keras_sphere.backend.operations import rematerialized
from keras_sphere.choices import ANGLE_CONDITIONS
from keras_sphere.condition_rows import ConditionRows
from keras_sphere.geometry import spherify
from keras_sphere.layers import (
    AngleEmbedding,
    InContextTokens,
    LabelEmbedding,
    ModulatedDense,
    SinCosPositionEmbedding,
    TransformerBlock,
)
from keras_sphere.layers.stochastic_depth import draw_path_weights
from keras_sphere.layers.wide_tensors import narrow_dtype
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_boolean,
    read_integer,
    read_positive,
    read_share,
)


@keras.saving.register_keras_serializable(package="keras_sphere")
class VisionTransformer(keras.layers.Layer):
    """Position table, blocks, and a last dense layer, conditioned on class and angle.

    Args:
        hidden_dim: Integer. Width of every token.
        num_layers: Integer. Number of blocks.
        num_heads: Integer.
        in_context_start: Integer. Block before which in-context tokens are put in.
        grid_size: Integer. Tokens per side.
        output_dim: Integer. Channels per token at the end.
        num_classes: Integer. 0 for a network without classes.
        num_in_context_tokens: Integer. 0 for none.
        spherify_blocks: Boolean. Whether the image tokens are brought back to RMS 1
            after every block but the last.
        label_dropout: Float. See `LabelEmbedding`.
        rematerialize_every: Integer or `None`. Of so many blocks, the last one keeps
            none of its activations for the backward pass: it computes them again.
        epsilon: Float. Of every norm.
        qk_norm: Boolean. See `RotaryAttention`.
        path_dropout: Float in [0, 1). Stochastic depth in training; see
            `layers.stochastic_depth.path_weights`.
        angle_condition: `None`, or how the network is told an angle: `"adaln"` adds its
            vector to that of the class, `"token"` adds it to every token after the
            position table, `"both"` does both.
        max_angle_degrees: Float. See `AngleEmbedding`.
        wide_residuals: Boolean. See `TransformerBlock`; the sums of what is embedded
            are in float32, too.
        position_grid: Integer or `None`. See `layers.rotary_embedding.rotary_table`.
        condition_dim: Integer. Length of the vectors it is conditional on; 0 for none.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, grid_size**2, hidden_dim)`.
        labels: Integer tensor of shape `(batch,)`, or what else `LabelEmbedding` takes;
            `None` is the null class, and the null vector.
        angles: Float tensor of shape `(batch,)`, radians; needed if and only if there
            is an `angle_condition`.
        training: Boolean. Whether labels and paths are dropped.

    Returns:
        Float tensor of shape `(batch, grid_size**2, output_dim)`.
    """

    def __init__(
        self,
        hidden_dim,
        num_layers,
        num_heads,
        in_context_start,
        grid_size,
        output_dim,
        num_classes=0,
        num_in_context_tokens=0,
        spherify_blocks=False,
        label_dropout=0.1,
        rematerialize_every=None,
        epsilon=1e-6,
        qk_norm=False,
        path_dropout=0.0,
        angle_condition=None,
        max_angle_degrees=90.0,
        wide_residuals=False,
        position_grid=None,
        condition_dim=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = read_integer("hidden_dim", hidden_dim)
        self.num_layers = read_integer("num_layers", num_layers)
        self.num_heads = read_integer("num_heads", num_heads)
        self.in_context_start = read_integer(
            "in_context_start", in_context_start, least=0
        )
        self.grid_size = read_integer("grid_size", grid_size)
        self.output_dim = read_integer("output_dim", output_dim)
        self.num_classes = read_integer("num_classes", num_classes, least=0)
        self.num_in_context_tokens = read_integer(
            "num_in_context_tokens", num_in_context_tokens, least=0
        )
        self.spherify_blocks = read_boolean("spherify_blocks", spherify_blocks)
        self.label_dropout = read_share("label_dropout", label_dropout)
        self.rematerialize_every = if_given(
            read_integer, "rematerialize_every", rematerialize_every
        )
        self.epsilon = read_positive("epsilon", epsilon)
        self.qk_norm = read_boolean("qk_norm", qk_norm)
        self.path_dropout = read_share("path_dropout", path_dropout)
        check_choice("angle_condition", angle_condition, (None, *ANGLE_CONDITIONS))
        self.angle_condition = angle_condition
        self.max_angle_degrees = read_positive("max_angle_degrees", max_angle_degrees)
        self.wide_residuals = read_boolean("wide_residuals", wide_residuals)
        self.position_grid = if_given(read_integer, "position_grid", position_grid)
        self.condition_dim = read_integer("condition_dim", condition_dim, least=0)
        self.rows = ConditionRows(self.num_classes, self.condition_dim)
        if self.path_dropout:
            self.seed_generator = keras.random.SeedGenerator()

    @property
    def is_modulated(self):
        """Whether there is a condition that modulates the norms."""
        return self.rows.width > 0 or self.angle_condition in ("adaln", "both")

    @property
    def inserts_tokens(self):
        """Whether in-context tokens are ever put in."""
        return self.num_in_context_tokens > 0 and (
            self.in_context_start < self.num_layers
        )

    def build(self, input_shape):
        policy = self.dtype_policy
        is_wide = self.wide_residuals and narrow_dtype(self)
        sums = "float32" if is_wide else policy  # of what is added to tokens
        self.position_embedding = SinCosPositionEmbedding(
            dtype=sums, name="position_embedding"
        )
        self.position_embedding.build(input_shape)
        if self.rows.width:
            self.label_embedding = LabelEmbedding(
                self.num_classes,
                self.hidden_dim,
                self.label_dropout,
                condition_dim=self.condition_dim,
                dtype=policy,
                name="label_embedding",
            )
            self.label_embedding.build((None,))
        if self.angle_condition:
            self.angle_embedding = AngleEmbedding(
                self.hidden_dim,
                self.max_angle_degrees,
                starts_at_zero=self.rows.width > 0 or self.angle_condition != "adaln",
                dtype=policy,
                name="angle_embedding",
            )
            self.angle_embedding.build((None,))
        if self.inserts_tokens:
            self.in_context_tokens = InContextTokens(
                self.num_in_context_tokens,
                self.is_modulated,
                dtype=sums,
                name="in_context_embedding",
            )
            self.in_context_tokens.build(input_shape)
        self.blocks = [
            TransformerBlock(
                self.num_heads,
                self.grid_size,
                self.is_modulated,
                self.qk_norm,
                self.epsilon,
                self.wide_residuals,
                self.position_grid,
                dtype=policy,
                name=f"block_{i}",
            )
            for i in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(input_shape)
        self.head = ModulatedDense(
            self.output_dim, self.is_modulated, self.epsilon, dtype=policy, name="head"
        )
        self.head.build(input_shape)

    def _label_vectors(self, labels, batch, training):
        if self.rows.width == 0:
            if labels is not None:
                raise ValueError(
                    "`labels` must be None: the model is unconditional "
                    f"(num_classes=0). Received: labels={labels}"
                )
            return None
        if labels is None and self.condition_dim:
            labels = keras.ops.tile(self.rows.null()[None], (batch, 1))
        elif labels is None:
            labels = keras.ops.full((batch,), self.num_classes, dtype="int32")
        return self.label_embedding(labels, training=training)

    def _angle_vectors(self, angles):
        if (angles is None) != (self.angle_condition is None):
            raise ValueError(
                "`angles` must be given where there is an angle condition, and nowhere "
                f"else. Received: angles={angles} with "
                f"angle_condition={self.angle_condition!r}"
            )
        return None if angles is None else self.angle_embedding(angles)

    def call(self, tokens, labels=None, angles=None, training=False):
        batch = keras.ops.shape(tokens)[0]
        condition = self._label_vectors(labels, batch, training)
        told = self._angle_vectors(angles)
        tokens = self.position_embedding(tokens)
        if self.angle_condition in ("token", "both"):
            tokens = tokens + keras.ops.cast(told, tokens.dtype)
        if self.angle_condition in ("adaln", "both"):
            condition = told if condition is None else condition + told
        num_prefix = 0
        for i in range(self.num_layers):
            if self.inserts_tokens and i == self.in_context_start:
                tokens = self.in_context_tokens(tokens, condition)
                num_prefix = self.num_in_context_tokens
            paths = self._path_weights(batch) if training else None
            tokens = self._apply_block(i, tokens, condition, paths)
            if self.spherify_blocks and i < self.num_layers - 1:
                tokens = self._spherify_image_tokens(tokens, num_prefix)
        return self.head(tokens[:, num_prefix:], condition)

    def _path_weights(self, batch):
        if not self.path_dropout:
            return None
        return draw_path_weights(batch, self.path_dropout, self.seed_generator)

    def _apply_block(self, index, tokens, condition, paths):
        block, every = self.blocks[index], self.rematerialize_every
        if every is None or (index + 1) % every:
            return block(tokens, condition, paths)
        given = [x for x in (condition, paths) if x is not None]

        def call(tokens, *given):
            given = iter(given)
            return block(
                tokens, *(x if x is None else next(given) for x in (condition, paths))
            )

        return rematerialized(call, block.variables, tokens, *given)

    def _spherify_image_tokens(self, tokens, num_prefix):
        image_tokens = spherify(tokens[:, num_prefix:], epsilon=self.epsilon)
        image_tokens = keras.ops.cast(image_tokens, tokens.dtype)
        if num_prefix == 0:
            return image_tokens
        return keras.ops.concatenate([tokens[:, :num_prefix], image_tokens], axis=1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "in_context_start": self.in_context_start,
            "grid_size": self.grid_size,
            "output_dim": self.output_dim,
            "num_classes": self.num_classes,
            "num_in_context_tokens": self.num_in_context_tokens,
            "spherify_blocks": self.spherify_blocks,
            "label_dropout": self.label_dropout,
            "rematerialize_every": self.rematerialize_every,
            "epsilon": self.epsilon,
            "qk_norm": self.qk_norm,
            "path_dropout": self.path_dropout,
            "angle_condition": self.angle_condition,
            "max_angle_degrees": self.max_angle_degrees,
            "wide_residuals": self.wide_residuals,
            "position_grid": self.position_grid,
            "condition_dim": self.condition_dim,
        }
