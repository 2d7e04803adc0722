"""Trained weights to a backbone of another architecture, as far as they fit."""

import math
import typing

import keras
import numpy as np

from keras_sphere.presets.resizing import resized_values

_CLASS_TABLE = "label_embedding/table"  # a row per class, and the null class's


class Fitted(typing.NamedTuple):
    """What became of the weights.

    Attributes:
        afresh: List of paths of the target that got no values.
        left_out: List of paths of the source that have no place of their shape.
        share: Float in [0, 1]. Of the target's numbers, how many got values.
        known_classes: List of indices of the target's classes that got the row of
            theirs; `None` if rows were not told apart.
        resized: List of paths of the target whose values were brought to another
            number of tokens, or of pixels in a patch; see `presets.resizing`.
    """

    afresh: list[str]
    left_out: list[str]
    share: float
    known_classes: list[int] | None
    resized: list[str]


def copy_fitting(source, target, by_class=False):
    """Copies the weights of equal path and shape, and resizes those of grids.

    Args:
        source: `SphereEncoderBackbone`, trained.
        target: `SphereEncoderBackbone`, which is changed.
        by_class: Boolean. Whether the target's classes may be others: each takes the
            row of the class of its name. One that is new begins as the mean of all
            rows, for which the other weights give ordinary images; a random row is
            like none that they have seen. Where names are not known, equally many
            classes are taken for the same ones, else all are new.

    Returns:
        `Fitted`.
    """
    values = {variable.path: variable for variable in source.trainable_variables}
    both = source.num_classes and target.num_classes
    both = both and source.condition_dim == target.condition_dim
    known = _rows_of_classes(source, target) if by_class and both else None
    resized = resized_values(source, target)
    for variable in target.non_trainable_variables:
        if variable.path in resized:
            variable.assign(resized[variable.path])
    afresh, num_copied, num_all = [], 0, 0
    for variable in target.trainable_variables:
        value, size = values.get(variable.path), math.prod(variable.shape)
        num_all += size
        if value is not None and known is not None and _is_table(value, variable):
            columns = source.condition_rows.num_class_columns
            variable.assign(_with_rows(_numpy(value), known, columns))
        elif value is not None and tuple(value.shape) == tuple(variable.shape):
            variable.assign(value)
        elif variable.path in resized:
            variable.assign(resized[variable.path])
        else:
            afresh.append(variable.path)
            continue
        values.pop(variable.path)
        num_copied += size
    share = num_copied / num_all
    classes = known and [index for index, row in enumerate(known) if row is not None]
    return Fitted(afresh, list(values), share, classes, list(resized))


def _rows_of_classes(source, target):
    """For each class of the target, its row in the source; `None` if it has none."""
    if source.class_names and target.class_names:
        names = list(source.class_names)
        once = {name: row for row, name in enumerate(names) if names.count(name) == 1}
        return [once.get(name) for name in target.class_names]
    if source.num_classes == target.num_classes:
        return list(range(target.num_classes))
    return [None] * target.num_classes


def _is_table(source, target):
    return target.path.endswith(_CLASS_TABLE) and source.shape[1] == target.shape[1]


def _with_rows(table, rows, num_class_columns):
    """The table with other classes; what is behind them, of vectors, stays."""
    classes, null = table[: num_class_columns - 1], table[num_class_columns - 1 :]
    mean = classes.mean(axis=0)
    new = [mean if row is None else classes[row] for row in rows]
    return np.concatenate([np.stack(new), null])


def _numpy(variable):
    return np.asarray(keras.ops.convert_to_numpy(variable))
