"""What an image is conditioned on, as one row of numbers.

A model that is conditional on vectors takes rows wherever one that knows classes alone
takes labels, so that guidance, mixes, paths and exports are the same for both. A row
holds the weights of the classes and of the null class, if there are classes, then the
vector, then the weight of the null vector.
"""

import keras
import numpy as np

from keras_sphere.validation import dtype_name


class ConditionRows:
    """The columns of the rows of a model.

    Args:
        num_classes: Integer. 0 for none.
        condition_dim: Integer. Length of the vectors; 0 for none.

    Attributes:
        num_class_columns: Integer. `num_classes + 1`, or 0 without classes.
        width: Integer. Columns of a row; 0 for an unconditional model.
    """

    def __init__(self, num_classes, condition_dim=0):
        self.num_classes = num_classes
        self.condition_dim = condition_dim
        self.num_class_columns = num_classes + 1 if num_classes else 0
        vector_columns = condition_dim + 1 if condition_dim else 0
        self.width = self.num_class_columns + vector_columns

    def inputs(self):
        """Dict of name -> number of columns, in the order in which a row has them."""
        columns = {"labels": self.num_class_columns}
        if self.condition_dim:
            columns["embeddings"] = self.condition_dim + 1
        return {name: count for name, count in columns.items() if count}

    def null(self, classes=True, vector=True):
        """A float32 row with 1 for the null class and for the null vector.

        Args:
            classes: Boolean. Whether the null class is marked.
            vector: Boolean. Whether the null vector is.
        """
        row = np.zeros(self.width, "float32")
        if classes and self.num_classes:
            row[self.num_classes] = 1.0
        if vector and self.condition_dim:
            row[-1] = 1.0
        return row

    def pack(self, labels=None, embeddings=None):
        """Rows of tensors; what is missing is null.

        Args:
            labels: Integer tensor of shape `(batch,)`, or `None`.
            embeddings: Float tensor of shape `(batch, condition_dim)`, or `None`.

        Returns:
            float32 tensor of shape `(batch, width)`, or `None` if both are missing.
        """
        ops, parts = keras.ops, []
        if labels is None and embeddings is None:
            return None
        batch = ops.shape(embeddings if labels is None else labels)[0]
        if self.num_classes:
            if labels is None:
                labels = ops.full((batch,), self.num_classes, dtype="int32")
            labels = ops.clip(ops.cast(labels, "int32"), 0, self.num_classes)
            parts.append(ops.one_hot(labels, self.num_classes + 1, dtype="float32"))
        if embeddings is None:
            parts.append(ops.zeros((batch, self.condition_dim), "float32"))
            parts.append(ops.ones((batch, 1), "float32"))
        else:
            parts.append(ops.cast(embeddings, "float32"))
            parts.append(ops.zeros((batch, 1), "float32"))
        return ops.concatenate(parts, axis=1)

    def drop(self, rows, draws, rate):
        """Rows of which some are made null.

        With probability `rate` all of a row. Of a model that knows both, with the same
        probability the vector alone, and the class alone, so that either may be left
        out in generation.

        Args:
            rows: Float tensor of shape `(batch, width)`.
            draws: Float tensor of shape `(batch,)`, uniform in [0, 1).
            rate: Float.
        """
        draws = draws[:, None]
        for number, null in enumerate(self._nulls()):
            is_dropped = (draws >= number * rate) & (draws < (number + 1) * rate)
            kept, replaced = (keras.ops.cast(part, rows.dtype) for part in null)
            rows = keras.ops.where(is_dropped, rows * kept + replaced, rows)
        return rows

    def _nulls(self):
        """Pairs of the columns that stay, as ones, and what is added to them."""
        columns = np.arange(self.width) < self.num_class_columns
        vector = (columns.astype("float32"), self.null(classes=False))
        classes = (1.0 - vector[0], self.null(vector=False))
        everything = (np.zeros(self.width, "float32"), self.null())
        both = self.num_classes and self.condition_dim
        return (everything, vector, classes) if both else (everything,)


def check_embedding_type(embeddings, dim, num_images=None, name="embeddings"):
    """Checks the shape and dtype of vectors of condition, which need not hold values.

    Args:
        embeddings: Array or tensor.
        dim: Integer. The length that they must have.
        num_images: Integer or `None`. Expected number of them, if known.
        name: String. Name of the argument, for messages.

    Raises:
        ValueError: If they are not floats of shape `(num_images, dim)`.
    """
    shape = tuple(getattr(embeddings, "shape", ()))
    if len(shape) != 2 or shape[1] != dim:
        raise ValueError(
            f"`{name}` must have the shape (batch, {dim}): vectors of condition_dim="
            f"{dim}, one per image. Received: shape {shape}"
        )
    dtype = dtype_name(embeddings.dtype)
    if "float" not in dtype:
        raise ValueError(f"`{name}` must be floats. Received: dtype {dtype}")
    if None not in (num_images, shape[0]) and shape[0] != num_images:
        raise ValueError(
            f"`{name}` must have one vector per image, {num_images}. "
            f"Received: {shape[0]} vectors"
        )


def check_finite_rows(rows, name="embeddings"):
    """Raises a `ValueError` unless all numbers of an array of rows are finite."""
    bad = np.flatnonzero(~np.all(np.isfinite(rows), axis=1))
    if len(bad):
        raise ValueError(
            f"`{name}` must be finite. Received: NaN or infinity in {len(bad)} of "
            f"{len(rows)} rows, the first of them row {bad[0]}"
        )
