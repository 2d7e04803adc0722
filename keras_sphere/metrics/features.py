"""Checks of the feature arrays that metrics compare."""

import numpy as np

from keras_sphere.validation import as_array


def as_features(name, features, min_items=1):
    """Converts features to float64 rows and checks them.

    Args:
        name: String. Name of the argument, for messages.
        features: Array of shape `(items, ...)`; later axes are flattened.
        min_items: Integer. Least number of items.

    Returns:
        float64 array of shape `(items, features)`.

    Raises:
        ValueError: If there are too few items, no feature axis, or a value that is
            no number or not finite; any range will do.
    """
    array = as_array(name, features).astype("float64", copy=False)
    if array.ndim < 2 or array.shape[0] < min_items or array.size == 0:
        raise ValueError(
            f"`{name}` must have the shape (items, features), with at least "
            f"{min_items} items. Received: {name} of shape {array.shape}"
        )
    if not np.all(np.isfinite(array)):
        bad = np.size(array) - np.count_nonzero(np.isfinite(array))
        raise ValueError(
            f"`{name}` must be finite. Received: {name} with {bad} values that are "
            "NaN or infinite"
        )
    return array.reshape(array.shape[0], -1)


def check_same_width(**features):
    """Raises a `ValueError` unless two feature arrays have equally many features."""
    (name_a, a), (name_b, b) = features.items()
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"`{name_a}` and `{name_b}` must have the same number of features. "
            f"Received: {name_a} of {a.shape[1]}, {name_b} of {b.shape[1]}"
        )
