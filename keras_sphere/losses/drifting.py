"""Drifting: generated images move as attraction and repulsion of a batch say."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_sphere.backend.replicas import global_rows, own_rows
from keras_sphere.typing import Tensor
from keras_sphere.validation import (
    check_choice,
    read_boolean,
    read_positive,
    read_sequence,
)
from keras_sphere.wide_floats import as_float

TEMPERATURES = (0.02, 0.05, 0.2)
POOLINGS = ("flatten", "mean")
_EPSILON = 1e-12  # a weight that is as good as none, and the least spread of a batch
_NEVER = -1e30
_LEAST_SHARE = 1e-4  # of a row that moves


@keras.saving.register_keras_serializable(package="keras_sphere")
class Drifting(keras.losses.Loss):
    """Mean squared distance of generated features to where they drift: one per image.

    A term that matches distributions without a network of its own: the features of
    what was generated are drawn to those of real images and pushed from each other,
    until both sets lie alike. `drift` has the formula. With several devices the sets
    are those of the global batch.

    Args:
        temperatures: Floats above 0: the reach of attraction and repulsion, relative
            to the mean distance of the two sets.
        pooling: What makes one row of a feature map of an image. `"flatten"` keeps
            where things are, which pixels and early maps are about: the mean color of
            a picture does not say what is in it. `"mean"` averages over places, for
            late maps, whose channels say what is there: of thousands of entries all
            distances are nearly alike.
        per_class: Boolean. Whether images are compared within their class only, if
            there are labels.
        name: String.
        **kwargs: Arguments of `keras.losses.Loss`.

    Call arguments:
        y_true: List of tensors of shape `(batch, features)`: where the rows of each
            map drift to.
        y_pred: List of tensors of the same shapes: the rows.

    Raises:
        ValueError: If an argument is none of what it may be.

    Example:

    >>> loss = Drifting()
    >>> value = loss(*loss.pair(real_maps, generated_maps, labels, labels))

    Reference:
        - "Generative Modeling via Drifting", algorithms 1 and 2.
    """

    def __init__(
        self,
        temperatures: Sequence[float] = TEMPERATURES,
        pooling: str = "flatten",
        per_class: bool = True,
        name: str = "drifting",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.temperatures = read_sequence("temperatures", temperatures, read_positive)
        check_choice("pooling", pooling, POOLINGS)
        self.pooling = pooling
        self.per_class = read_boolean("per_class", per_class)

    def call(self, y_true, y_pred):
        ops = keras.ops
        terms = [
            ops.mean(ops.square(row - target), axis=-1)
            for target, row in zip(y_true, y_pred, strict=True)
        ]
        return sum(terms) / len(terms)

    def pair(
        self,
        real: Sequence[Tensor],
        generated: Sequence[Tensor],
        real_labels: Tensor | None = None,
        generated_labels: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Targets and predictions of the loss.

        Args:
            real: List of feature maps of real images, of shape `(images, ...)`.
            generated: List of as many maps of generated images, which alone get a
                gradient; their number may be another.
            real_labels: Integer tensor of shape `(images,)`, or `None`.
            generated_labels: Likewise.
            weights: Float tensor of one value per generated image, at least 0: how
                much each counts as one of the set; `None` for 1. The loss of a row
                is not multiplied by it.

        Returns:
            Pair of lists of float32 tensors of shape `(batch, features)`.

        Raises:
            ValueError: If the numbers of maps differ, or one side only has labels.
        """
        _check_sides(real, generated, real_labels, generated_labels)
        labels = (real_labels, generated_labels) if self.per_class else (None, None)
        pairs = [
            drift_targets(
                self._rows(a), self._rows(b), *labels, weights, self.temperatures
            )
            for a, b in zip(real, generated, strict=True)
        ]
        rows, targets = map(list, zip(*pairs, strict=True))
        return rows, targets

    def _rows(self, x):
        x = as_float(x)
        if self.pooling == "mean" and len(x.shape) > 2:
            return keras.ops.mean(x, axis=tuple(range(1, len(x.shape) - 1)))
        return keras.ops.reshape(x, (keras.ops.shape(x)[0], -1))

    def get_config(self):
        config = super().get_config()
        return {
            **{key: config[key] for key in ("name", "reduction")},
            "temperatures": list(self.temperatures),
            "pooling": self.pooling,
            "per_class": self.per_class,
        }


def _check_sides(real, generated, real_labels, generated_labels):
    if len(real) != len(generated):
        raise ValueError(
            "`real` and `generated` must be as many maps. "
            f"Received: {len(real)} and {len(generated)}"
        )
    if (real_labels is None) != (generated_labels is None):
        raise ValueError(
            "`real_labels` and `generated_labels` must be given together. Received: "
            f"real_labels={real_labels}, generated_labels={generated_labels}"
        )


def drift_targets(
    real,
    generated,
    real_labels=None,
    generated_labels=None,
    weights=None,
    temperatures=TEMPERATURES,
):
    """Rows of generated features, and where they drift to, in one scale.

    The scale S is the mean distance of a generated to a real row of its class, by the
    root of the number of features; the rows are x / S, the targets x / S + V.

    Args:
        real: Float tensor of shape `(real_rows, features)`.
        generated: Float tensor of shape `(rows, features)`.
        real_labels: Integer tensor of shape `(real_rows,)`; `None` for one class.
        generated_labels: Likewise.
        weights: See `Drifting.pair`.
        temperatures: Floats.

    Returns:
        Pair of tensors of shape `(rows, features)`: targets, without gradient, and
        rows. A row that is alone in its class stays where it is.
    """
    ops = keras.ops
    if weights is None:
        weights = ops.ones_like(generated[:, 0])
    weights = global_rows(ops.stop_gradient(as_float(weights)))
    everyone, others = (global_rows(ops.stop_gradient(x)) for x in (generated, real))
    labels = real_labels, generated_labels
    to_real, to_generated = _same_class(labels, others, everyone)
    center = ops.mean(others, axis=0)
    everyone, others = everyone - center, others - center
    scale = _scale(everyone, others, to_real * weights[:, None])
    everyone, others = everyone / scale, others / scale
    number = ops.cumsum(ops.ones_like(weights))  # the batch may be unknown as yet
    to_others = to_generated * ops.cast(number[:, None] != number, weights.dtype)
    reach = ops.concatenate([to_real, to_others], axis=1)
    moves = drift(everyone, others, everyone, reach, weights, weights, temperatures)
    rows = generated / scale
    return ops.stop_gradient(rows + own_rows(moves)), rows


def drift(
    rows,
    attracting,
    repelling,
    reach,
    row_weights,
    repelling_weights,
    temperatures=TEMPERATURES,
):
    """V, by which rows are to move: attraction and repulsion of equal strength.

    For each temperature tau: the logits of a row are `-distance / (tau sqrt(D))` to
    all that it is attracted to and repelled by, together; A is the root of the product
    of their softmaxes over each row and over each column. With its parts A+ and A-,
    `W+ = A+ (row sum of A-)`, `W- = A- (row sum of A+)`, and
    `v = W+ attracting - W- repelling`, divided by its root mean square. V is their
    sum; exchanging the two sets turns its sign.

    A weight counts a row as so many equal ones would: 0 leaves it out. Rows of a share
    below 1e-4 of all do not move: v is scaled to what counts, and would be huge there.

    Args:
        rows: Float tensor of shape `(n, D)`.
        attracting: Float tensor of shape `(m, D)`.
        repelling: Float tensor of shape `(k, D)`.
        reach: Float tensor of shape `(n, m + k)`, 0 where a row does not see one of
            the attracting, then of the repelling, and 1 elsewhere.
        row_weights: Float tensor of shape `(n,)`.
        repelling_weights: Float tensor of shape `(k,)`.
        temperatures: Floats.

    Returns:
        Float tensor of shape `(n, D)`.
    """
    ops, total = keras.ops, 0.0
    columns = ops.concatenate([attracting, repelling], axis=0)
    count = ops.shape(attracting)[0]
    ones = ops.ones_like(attracting[:, 0])
    column_weights = ops.concatenate([ones, repelling_weights], axis=0)
    distance = distances(rows, columns) / rows.shape[-1] ** 0.5
    shares = row_weights / ops.maximum(ops.sum(row_weights), _EPSILON)
    for temperature in temperatures:
        affinity = _affinity(
            -distance / temperature, reach, row_weights, column_weights
        )
        to, away = affinity[:, :count], affinity[:, count:]
        pulls = to * ops.sum(away, axis=1, keepdims=True)
        pushes = away * ops.sum(to, axis=1, keepdims=True)
        v = ops.matmul(pulls, attracting) - ops.matmul(pushes, repelling)
        square = ops.sum(shares * ops.mean(ops.square(v), axis=1))
        total = total + v / ops.sqrt(ops.maximum(square, _EPSILON**2))
    return ops.where(shares[:, None] > _LEAST_SHARE, total, 0.0)


def _affinity(logits, reach, row_weights, column_weights):
    """A of `drift`: the root of two softmaxes' product, for rows of given weights."""
    ops = keras.ops
    rows, columns = (
        ops.log(ops.maximum(w, _EPSILON)) for w in (row_weights, column_weights)
    )
    logits = ops.where(reach > 0, logits, _NEVER)
    of_row = ops.logsumexp(logits + columns[None], axis=1, keepdims=True)
    of_column = ops.logsumexp(logits + rows[:, None], axis=0, keepdims=True)
    log = logits - (of_row + of_column) / 2.0 + columns[None]
    return ops.exp(ops.where(reach > 0, log, _NEVER))


def distances(a, b):
    """Euclidean distances of rows to rows, by one product."""
    ops = keras.ops
    squares = [ops.sum(ops.square(x), axis=1) for x in (a, b)]
    product = ops.matmul(a, ops.transpose(b))
    square = squares[0][:, None] + squares[1][None] - 2.0 * product
    return ops.sqrt(ops.maximum(square, 0.0))


def _scale(generated, real, weights):
    """S: the mean distance of the two sets by the root of the number of features."""
    ops = keras.ops
    total = ops.sum(distances(generated, real) * weights)
    mean = total / ops.maximum(ops.sum(weights), _EPSILON)
    return ops.where(mean > 0.0, mean, 1.0) / generated.shape[-1] ** 0.5


def _same_class(labels, real, generated):
    """Which rows are of one class, as 0 and 1: generated to real, and to each other."""
    ops = keras.ops
    if labels[0] is None:
        one = ops.ones_like(generated[:, 0])
        return one[:, None] * ops.ones_like(real[:, 0]), one[:, None] * one
    theirs, ours = (
        global_rows(ops.reshape(ops.cast(x, "int32"), (-1,))) for x in labels
    )
    return tuple(
        ops.cast(ours[:, None] == other[None], generated.dtype)
        for other in (theirs, ours)
    )
