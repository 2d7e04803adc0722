"""Extra tokens that carry the condition through the later blocks."""

from typing import Any

import keras

from keras_sphere.validation import read_boolean, read_integer


@keras.saving.register_keras_serializable(package="keras_sphere")
class InContextTokens(keras.layers.Layer):
    """Puts learned tokens in front of the image tokens.

    They are the class vector, repeated, or learned vectors when there is no class;
    in both cases learned positions are added.

    Args:
        num_in_context_tokens: Integer. How many tokens to add.
        conditional: Boolean. Whether a condition is given.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, num_tokens, hidden_dim)`.
        condition: Float tensor of shape `(batch, 1, hidden_dim)`, or `None`.

    Returns:
        Float tensor of shape
        `(batch, num_in_context_tokens + num_tokens, hidden_dim)`.
    """

    def __init__(
        self, num_in_context_tokens: int, conditional: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_in_context_tokens = read_integer(
            "num_in_context_tokens", num_in_context_tokens
        )
        self.conditional = read_boolean("conditional", conditional)

    def build(self, input_shape):
        shape = (1, self.num_in_context_tokens, input_shape[-1])
        names = ["positions"] if self.conditional else ["positions", "embeddings"]
        for name in names:
            weight = self.add_weight(
                name=name,
                shape=shape,
                initializer=keras.initializers.RandomNormal(stddev=0.02),
            )
            setattr(self, name, weight)

    def call(self, tokens, condition=None):
        ops = keras.ops
        content = condition if self.conditional else self.embeddings
        added = ops.cast(content + self.positions, tokens.dtype)
        shape = (ops.shape(tokens)[0], self.num_in_context_tokens, tokens.shape[-1])
        return ops.concatenate([ops.broadcast_to(added, shape), tokens], axis=1)

    def compute_output_shape(self, input_shape):
        batch, num_tokens, hidden_dim = input_shape
        return (batch, self.num_in_context_tokens + num_tokens, hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "num_in_context_tokens": self.num_in_context_tokens,
            "conditional": self.conditional,
        }
