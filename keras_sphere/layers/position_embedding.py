"""The fixed position table that is added to the tokens."""

import keras
import numpy as np


def sincos_table(hidden_dim, grid_size):
    """Sine-cosine position table of a square grid.

    Frequencies are `10000^(-i/q)` for i < q = hidden_dim / 4. The channels are
    sin(col f), cos(col f), sin(row f), cos(row f): the column comes first.

    Args:
        hidden_dim: Integer, divisible by 4.
        grid_size: Integer. Tokens per side.

    Returns:
        float64 array of shape `(grid_size**2, hidden_dim)`, tokens in row-major
        order.
    """
    quarter = hidden_dim // 4
    frequencies = 10000.0 ** (-np.arange(quarter, dtype="float64") / quarter)
    rows, columns = np.divmod(np.arange(grid_size**2), grid_size)
    column_angles, row_angles = (np.outer(p, frequencies) for p in (columns, rows))
    return np.concatenate(
        [
            np.sin(column_angles),
            np.cos(column_angles),
            np.sin(row_angles),
            np.cos(row_angles),
        ],
        axis=1,
    )


@keras.saving.register_keras_serializable(package="keras_sphere")
class SinCosPositionEmbedding(keras.layers.Layer):
    """Adds the sine-cosine position table to the tokens of a square grid.

    The table is a weight that is not trained.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape `(batch, grid_size**2, hidden_dim)`.

    Returns:
        Float tensor of the same shape.
    """

    def build(self, input_shape):
        _, num_tokens, hidden_dim = input_shape
        grid_size = round(num_tokens**0.5)
        if grid_size**2 != num_tokens or hidden_dim % 4:
            raise ValueError(
                "Expected a square number of tokens and a width divisible by 4. "
                f"Received: input_shape={input_shape}"
            )
        self.table = self.add_weight(
            name="table",
            shape=(num_tokens, hidden_dim),
            initializer=lambda shape, dtype: keras.ops.convert_to_tensor(
                sincos_table(hidden_dim, grid_size).astype("float32"), dtype
            ),
            trainable=False,
        )

    def call(self, tokens):
        return tokens + keras.ops.cast(self.table, tokens.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
