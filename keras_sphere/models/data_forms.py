"""The forms in which `fit` takes its data, brought into those that Keras takes."""

import itertools

import keras
import numpy as np

from keras_sphere.validation import as_array

_PARTS = ("images", "labels", "sample_weight")


def is_array(data):
    """Whether `data` is an array or tensor with values at hand."""
    return hasattr(data, "shape") and hasattr(data, "dtype")


def separate_arrays(x, y=None, sample_weight=None):
    """Takes `(images, labels)`, or `(images, labels, sample_weight)`, apart.

    Args:
        x: What a user gave as data. A tuple, or a list of images and labels, is
            taken apart; all else is left as it is.
        y: Labels, or `None`.
        sample_weight: Weights of the images, or `None`.

    Returns:
        Tuple `(x, y, sample_weight)`; lists of labels and weights become arrays.

    Raises:
        ValueError: If a tuple is something else, or `y` or `sample_weight` is given
            beside it, or a list is no array of numbers.
    """
    if not isinstance(x, tuple) and not _is_listed_pair(x):
        x = as_tuple(x)[0] if isinstance(x, dict) else x
        return x, _without_list("labels", y), _without_list(_PARTS[2], sample_weight)
    if not 1 <= len(x) <= 3 or isinstance(x[0], (tuple, list)):
        raise ValueError(
            "`x` given as a tuple must be `(images, labels)` or `(images, labels, "
            "sample_weight)`. Write a list for several batches, and choose one of the "
            "splits of a data set, such as `fit(*load_digits()[0])`. "
            f"Received: x={_outline(x)}"
        )
    if y is not None or sample_weight is not None:
        raise ValueError(
            "`y` and `sample_weight` must be left out where `x` is a tuple that holds "
            f"them. Received: x={_outline(x)} beside other arrays"
        )
    return (*as_tuple(x), None, None)[:3]


def join_labels(x, y=None):
    """Images and labels as the one argument that `predict` takes."""
    if y is None:
        return x
    return {**(x if isinstance(x, dict) else {"images": x}), "labels": y}


def is_whole(x):
    """Whether data are whole arrays, and not a data set of batches."""
    return x is None or is_array(x) or isinstance(x, dict)


def is_shuffled_by_keras(x):
    """Whether `fit` shuffles data: arrays, and data sets that can start anywhere."""
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches is not None and not getattr(x, "has_own_order", False)
    return is_whole(x)


def read_first(x):
    """The first batch of a data set, without loss.

    Args:
        x: List or iterator of batches, or anything else that Keras reads batches of.

    Returns:
        Pair of the batch, `None` if there is none, and the form of `x` that Keras
        is to read: `BatchList` of a list, generator of tuples of an iterator.
    """
    if isinstance(x, list):
        x = BatchList(x)
    if isinstance(x, keras.utils.PyDataset):
        return (None if x.num_batches == 0 else x[0]), x
    if hasattr(x, "__next__"):
        first = next(x, None)
        return first, (as_tuple(batch) for batch in itertools.chain([first], x))
    return next(iter(x), None), x


def as_tuple(batch):
    """A batch as a tuple of arrays or dicts; lists in it, of labels, become arrays.

    Raises:
        ValueError: If it has more parts than images, labels and weights, or a list is
            no array of numbers.
    """
    parts = batch if isinstance(batch, (tuple, list)) else (batch,)
    if not 1 <= len(parts) <= len(_PARTS):
        raise ValueError(
            "A batch of `x` must be images, `(images, labels)` or `(images, labels, "
            f"sample_weight)`. Received: {len(parts)} parts"
        )
    return tuple(
        {key: _without_list(key, value) for key, value in part.items()}
        if isinstance(part, dict)
        else _without_list(name, part)
        for name, part in zip(_PARTS, parts, strict=False)
    )


def _without_list(name, value):
    return as_array(name, value) if isinstance(value, list) else value


class BatchList(keras.utils.PyDataset):
    """A list of batches as a data set, of which every epoch has all.

    Args:
        batches: List.
    """

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return as_tuple(self.batches[index])


def _is_listed_pair(x):
    """Whether a list holds images and labels, and not batches."""
    if not isinstance(x, list) or not 2 <= len(x) <= 3:
        return False
    first, *rest = x
    return (is_array(first) or isinstance(first, dict)) and all(map(_is_row, rest))


def _is_row(item):
    """Whether an item holds a number per image, and no images."""
    if isinstance(item, list):
        return all(np.ndim(number) == 0 for number in item)
    return item is None or (is_array(item) and len(item.shape) < 4)


def _outline(structure):
    """Text: a structure with shapes in place of the arrays."""
    if isinstance(structure, (tuple, list)):
        inner = ", ".join(_outline(item) for item in structure)
        return f"({inner})" if isinstance(structure, tuple) else f"[{inner}]"
    if is_array(structure):
        return f"array of shape {tuple(structure.shape)}"
    return type(structure).__name__
