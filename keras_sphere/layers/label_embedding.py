"""Classes, and vectors of condition, to vectors of a network's width."""

from typing import Any

import keras

from keras_sphere.backend.replicas import draw_for_batch
from keras_sphere.condition_rows import ConditionRows
from keras_sphere.validation import if_given, read_integer, read_seed, read_share


@keras.saving.register_keras_serializable(package="keras_sphere")
class LabelEmbedding(keras.layers.Layer):
    """A learned vector per class, and one for "no class", the null class.

    In training a label is replaced by the null class with probability
    `dropout_rate`, so that one model learns both to follow a class and to do
    without, as guidance needs. A new draw is made at each call.

    With `condition_dim` it takes rows as `ConditionRows` makes them, and its table is a
    linear layer: a row per class, if there are classes, and the null class, one per
    channel of the vector, and the null vector's. The vectors of a class and of a
    condition are added.

    Args:
        num_classes: Integer. The null class has the index `num_classes`. 0 for none,
            with a `condition_dim`.
        hidden_dim: Integer. Length of a vector.
        dropout_rate: Float in [0, 1), at most 1/3 with both classes and vectors; see
            `ConditionRows.drop`. Defaults to `0.1`.
        seed: Integer or `None`.
        condition_dim: Integer. Length of the vectors of condition; 0 for none.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        labels: Integer tensor of shape `(batch,)` or `(batch, 1)`, in
            [0, num_classes]. Values outside are clipped; the model refuses them
            before. Or a float tensor of shape `(batch, num_classes + 1)`, the weight
            of each row of the table, for mixed class vectors; these are never
            dropped. With a `condition_dim` rows, a float tensor of shape `(batch,
            width)`, or integers, whose vector is null.
        training: Boolean. Whether labels are dropped.

    Returns:
        Float tensor of shape `(batch, 1, hidden_dim)`.

    Raises:
        ValueError: If the labels have another shape.
    """

    def __init__(
        self,
        num_classes: int,
        hidden_dim: int,
        dropout_rate: float = 0.1,
        seed: int | None = None,
        condition_dim: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.condition_dim = read_integer("condition_dim", condition_dim, least=0)
        fewest = 0 if self.condition_dim else 1
        self.num_classes = read_integer("num_classes", num_classes, least=fewest)
        self.rows = ConditionRows(self.num_classes, self.condition_dim)
        self.hidden_dim = read_integer("hidden_dim", hidden_dim)
        self.dropout_rate = read_share("dropout_rate", dropout_rate)
        if self.num_classes and self.condition_dim and 3 * self.dropout_rate > 1:
            raise ValueError(
                "`dropout_rate` must be at most 1/3 with both classes and vectors, "
                "which are dropped together, and each of them alone. Received: "
                f"dropout_rate={self.dropout_rate}"
            )
        self.seed = if_given(read_seed, "seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def build(self, input_shape=None):
        self.table = self.add_weight(
            name="table",
            shape=(self.rows.width, self.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def load_own_variables(self, store):
        shapes = [tuple(store[key].shape) for key in store.keys()]  # noqa: SIM118
        if shapes != [tuple(self.table.shape)]:
            raise ValueError(
                f"The weights hold no table of `num_classes`={self.num_classes} "
                "classes and the null class, and vectors of `condition_dim`="
                f"{self.condition_dim}, of width {self.hidden_dim}: they are of "
                "a model of another number of classes or another size. "
                f"Received: tables of the shapes {shapes}"
            )
        super().load_own_variables(store)

    def call(self, labels, training=False):
        ops = keras.ops
        labels = ops.convert_to_tensor(labels)
        own = (self.rows.width,)
        if tuple(labels.shape[1:]) not in ((), (1,), own):
            raise ValueError(
                f"`labels` must have the shape (batch,), (batch, 1) or (batch, {own[0]}"
                f"). Received: labels of shape {tuple(labels.shape)}"
            )
        if tuple(labels.shape[1:]) == (1,):
            labels = ops.squeeze(labels, axis=1)
        if len(labels.shape) == 1 and self.condition_dim:
            labels = self.rows.pack(labels)
        if len(labels.shape) == 2:
            return self._of_rows(labels, training)
        labels = ops.clip(ops.cast(labels, "int32"), 0, self.num_classes)
        if training and self.dropout_rate > 0:
            draws = self._draw(ops.shape(labels))
            labels = ops.where(draws < self.dropout_rate, self.num_classes, labels)
        vectors = ops.take(self.table, labels, axis=0)
        return ops.cast(vectors, self.compute_dtype)[:, None, :]

    def _of_rows(self, rows, training):
        rows = keras.ops.cast(rows, self.table.dtype)
        if training and self.dropout_rate > 0 and self.condition_dim:
            draws = self._draw(keras.ops.shape(rows)[:1])
            rows = self.rows.drop(rows, draws, self.dropout_rate)
        vectors = keras.ops.matmul(rows, self.table)
        return keras.ops.cast(vectors, self.compute_dtype)[:, None, :]

    def _draw(self, shape):
        return draw_for_batch(
            lambda shape: keras.random.uniform(shape, seed=self.seed_generator), shape
        )

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "hidden_dim": self.hidden_dim,
            "dropout_rate": self.dropout_rate,
            "seed": self.seed,
            "condition_dim": self.condition_dim,
        }
