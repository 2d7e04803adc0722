"""What public calls say of conditions, brought into the rows of a backbone."""

from collections.abc import Sequence

import numpy as np

from keras_sphere.class_names import class_ids
from keras_sphere.embedders.embedding import embed_texts
from keras_sphere.models.class_labels import read_class_labels
from keras_sphere.typing import Array, ArrayLike, Labels
from keras_sphere.validation import as_array, read_integer


def read_labels(backbone, labels, num_images, name="labels"):
    """Labels of `num_images` images, or rows; null if there are none.

    Args:
        backbone: `SphereEncoderBackbone`.
        labels: One integer for all images, integers of shape `(num_images,)`, a
            dict of class to weight for all images (divided by their sum), or floats
            of shape `(num_images, num_classes)`, or one column more for the null
            class, each row with the sum 1. `None` is the null class. The name of a
            class stands wherever its integer does. Of a model that is conditional on
            vectors also rows as `model.condition` returns them.
        num_images: Integer.
        name: String. Name of the argument, for messages.

    Returns:
        int32 array of shape `(num_images,)`; float32 of shape `(num_images,
        num_classes + 1)` for mixed classes, or of rows where there are vectors; `None`
        for an unconditional model.
    """
    if not backbone.condition_dim:
        return read_class_labels(backbone, labels, num_images, name)
    return read_rows(backbone, num_images, labels, name=name)


def read_rows(backbone, num_images, labels=None, embeddings=None, name="labels"):
    """The rows of a model that is conditional on vectors.

    Args:
        backbone: `SphereEncoderBackbone`.
        num_images: Integer.
        labels: See `read_labels`.
        embeddings: What `read_embeddings` returned, or `None` for the null vector.
        name: String. What `labels` are called, for messages.

    Returns:
        float32 array of shape `(num_images, width)`.
    """
    columns = backbone.condition_rows
    labels = class_ids(labels, backbone.class_names, name)
    if _are_rows(labels, columns):
        if embeddings is not None:
            raise ValueError(
                f"`{name}` given as rows of `model.condition` hold the vectors "
                f"already. Received: {name} beside embeddings"
            )
        return _checked_rows(columns, labels, num_images, name)
    rows = np.tile(columns.null(), (num_images, 1))
    if labels is not None:
        if not backbone.num_classes:
            raise ValueError(
                f"`{name}` must be None, or rows of `model.condition`: the model has "
                "no classes, but is conditional on vectors (num_classes=0, "
                f"condition_dim={backbone.condition_dim}). Received: {name}={labels!r}"
            )
        weights = class_weights(
            backbone, read_class_labels(backbone, labels, num_images, name)
        )
        rows[:, : columns.num_class_columns] = weights
    if embeddings is not None:
        rows[:, columns.num_class_columns : -1] = embeddings
        rows[:, -1] = 0.0
    return rows


def read_embeddings(backbone, embeddings, num_images, name="embeddings"):
    """Vectors of condition as a float32 array; `None` stays.

    Args:
        backbone: `SphereEncoderBackbone`.
        embeddings: Floats of shape `(num_images, condition_dim)`, or
            `(condition_dim,)` for all images.
        num_images: Integer.
        name: String. Name of the argument, for messages.

    Raises:
        ValueError: If the model is conditional on none, or they are of another shape,
            or not finite.
    """
    if embeddings is None:
        return None
    _require_vectors(backbone, name)
    embeddings, dim = as_array(name, embeddings), backbone.condition_dim
    if embeddings.shape not in ((dim,), (1, dim), (num_images, dim)):
        raise ValueError(
            f"`{name}` must have the shape ({num_images}, {dim}), a vector of "
            f"condition_dim={dim} for each image, or ({dim},) for all. Received: shape "
            f"{embeddings.shape}"
        )
    if embeddings.dtype.kind not in "fiu" or not np.all(np.isfinite(embeddings)):
        raise ValueError(
            f"`{name}` must be finite numbers. Received: {name} of {embeddings.dtype}, "
            "not all of them finite numbers"
        )
    return np.broadcast_to(embeddings.astype("float32"), (num_images, dim))


def embed_prompts(backbone, prompts, name="prompts"):
    """The vectors of texts, by the model's embedder; `None` stays.

    Args:
        backbone: `SphereEncoderBackbone`.
        prompts: String for all images, or sequence of strings.
        name: String. Name of the argument, for messages.

    Raises:
        ValueError: If they are no texts, or no function is known for them.
    """
    if prompts is None:
        return None
    _require_vectors(backbone, name)
    texts = [prompts] if isinstance(prompts, str) else list(np.asarray(prompts).flat)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError(
            f"`{name}` must be a text, or a list of texts. Received: {name}={prompts!r}"
        )
    embedder = backbone.embedder
    if embedder is None or embedder.function is None:
        known = "" if embedder is None else f" It was trained with {embedder.name!r}."
        raise ValueError(
            f"`{name}` needs a function that makes vectors of texts, which this model "
            f"does not name, or this package does not ship.{known} Set it by "
            "`model.backbone.embedder = function`, or give `embeddings`. Received: "
            f"{name} for a model with embedder={embedder and embedder.name!r}"
        )
    return embed_texts(embedder, texts, backbone.condition_dim, name)


def only_one(name, value, other_name, other):
    """What is not `None` of two arguments that say the same."""
    if value is not None and other is not None:
        raise ValueError(
            f"Give `{name}` or `{other_name}`, not both. Received: both of them"
        )
    return value if value is not None else other


class Conditions:
    """Mixin of `SphereEncoderModel`: what generation is to follow, as rows."""

    def condition(
        self,
        labels: Labels | None = None,
        embeddings: ArrayLike | None = None,
        prompts: str | Sequence[str] | None = None,
        num_images: int | None = None,
    ) -> Array:
        """Rows that stand wherever `labels` do, in all methods and in editing.

        Of a model that is conditional on vectors, alone or beside classes. What is left
        out is null. Rows can be mixed: a weighted mean of rows is a condition between
        them.

        Args:
            labels: As `generate` takes them; only with classes.
            embeddings: Floats of shape `(num_images, condition_dim)`, or
                `(condition_dim,)` for all.
            prompts: In their place a text, or a list of texts, of which the model's
                embedder makes vectors.
            num_images: Integer; `None` follows what is given.

        Returns:
            float32 array of shape `(num_images, width)`.

        Raises:
            ValueError: If the model is conditional on no vectors, or what is given does
                not fit it.

        Example:

        >>> rows = model.condition(prompts=["a small 7", "a large 7"])
        >>> images = model.generate(labels=rows)
        >>> strip = model.interpolate(1, 1, rows[:1], rows[1:])
        """
        backbone = self.backbone
        _require_vectors(backbone, "condition")
        vectors = embed_prompts(backbone, prompts)
        embeddings = only_one("embeddings", embeddings, "prompts", vectors)
        if embeddings is not None:
            embeddings = as_array("embeddings", embeddings)
        if num_images is None:
            vectors = 1 if embeddings is None else len(np.atleast_2d(embeddings))
            num_images = max(_count_rows(labels), vectors)
        num_images = read_integer("num_images", num_images)
        embeddings = read_embeddings(backbone, embeddings, num_images)
        return read_rows(backbone, num_images, labels, embeddings)


def _count_rows(labels):
    """How many images labels speak of; 1 for what is for all, or `None`."""
    shape = getattr(labels, "shape", None)
    if shape is not None:
        return shape[0] if shape else 1
    return len(labels) if isinstance(labels, (list, tuple, range)) else 1


def class_weights(backbone, labels):
    """What `read_labels` returned, as rows of weights, one for each row of the table.

    Args:
        backbone: `SphereEncoderBackbone`.
        labels: int32 array of shape `(batch,)`, floats of two axes, or `None`.
    """
    if labels is None or labels.ndim == 2:
        return labels
    return np.eye(backbone.num_classes + 1, dtype="float32")[labels]


def _require_vectors(backbone, name):
    if not backbone.condition_dim:
        raise ValueError(
            f"`{name}` needs a model that is conditional on vectors: one with a "
            f"`condition_dim`. Received: {name} for a model with condition_dim=0"
        )


def _are_rows(labels, columns):
    shape = getattr(labels, "shape", ())
    is_float = len(shape) == 2 and np.issubdtype(np.dtype(labels.dtype), np.floating)
    return is_float and shape[1] == columns.width


def _checked_rows(columns, rows, num_images, name):
    rows = as_array(name, rows)
    if len(rows) not in (1, num_images) or not np.all(np.isfinite(rows)):
        raise ValueError(
            f"`{name}` given as rows must be finite, one for each of the {num_images} "
            f"images or one for all. Received: {name} of shape {rows.shape}"
        )
    return np.tile(rows.astype("float32"), (num_images // len(rows), 1))
