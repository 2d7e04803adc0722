"""Class labels to vectors."""

from typing import Any

import keras

from keras_sphere.backend.replicas import draw_for_batch
from keras_sphere.validation import if_given, read_integer, read_seed, read_share


@keras.saving.register_keras_serializable(package="keras_sphere")
class LabelEmbedding(keras.layers.Layer):
    """A learned vector per class, and one for "no class", the null class.

    In training a label is replaced by the null class with probability
    `dropout_rate`, so that one model learns both to follow a class and to do
    without, as guidance needs. A new draw is made at each call.

    Args:
        num_classes: Integer. The null class has the index `num_classes`.
        hidden_dim: Integer. Length of a vector.
        dropout_rate: Float in [0, 1). Defaults to `0.1`.
        seed: Integer or `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        labels: Integer tensor of shape `(batch,)` or `(batch, 1)`, in
            [0, num_classes]. Values outside are clipped; the model refuses them
            before. Or a float tensor of shape `(batch, num_classes + 1)`, the weight
            of each row of the table, for mixed class vectors; these are never
            dropped.
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes = read_integer("num_classes", num_classes)
        self.hidden_dim = read_integer("hidden_dim", hidden_dim)
        self.dropout_rate = read_share("dropout_rate", dropout_rate)
        self.seed = if_given(read_seed, "seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def build(self, input_shape=None):
        self.table = self.add_weight(
            name="table",
            shape=(self.num_classes + 1, self.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def load_own_variables(self, store):
        shapes = [tuple(store[key].shape) for key in store.keys()]  # noqa: SIM118
        if shapes != [tuple(self.table.shape)]:
            raise ValueError(
                f"The weights hold no table of `num_classes`={self.num_classes} "
                f"classes and the null class, of width {self.hidden_dim}: they are of "
                "a model of another number of classes or another size. "
                f"Received: tables of the shapes {shapes}"
            )
        super().load_own_variables(store)

    def call(self, labels, training=False):
        ops = keras.ops
        labels = ops.convert_to_tensor(labels)
        if tuple(labels.shape[1:]) not in ((), (1,), (self.num_classes + 1,)):
            raise ValueError(
                "`labels` must have the shape (batch,), (batch, 1) or (batch, "
                f"{self.num_classes + 1}). Received: labels of shape "
                f"{tuple(labels.shape)}"
            )
        if tuple(labels.shape[1:]) == (1,):
            labels = ops.squeeze(labels, axis=1)
        if len(labels.shape) == 2:
            weights = ops.cast(labels, self.table.dtype)
            vectors = ops.matmul(weights, self.table)
            return ops.cast(vectors, self.compute_dtype)[:, None, :]
        labels = ops.clip(ops.cast(labels, "int32"), 0, self.num_classes)
        if training and self.dropout_rate > 0:
            draws = draw_for_batch(
                lambda shape: keras.random.uniform(shape, seed=self.seed_generator),
                ops.shape(labels),
            )
            labels = ops.where(draws < self.dropout_rate, self.num_classes, labels)
        vectors = ops.take(self.table, labels, axis=0)
        return ops.cast(vectors, self.compute_dtype)[:, None, :]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "hidden_dim": self.hidden_dim,
            "dropout_rate": self.dropout_rate,
            "seed": self.seed,
        }
