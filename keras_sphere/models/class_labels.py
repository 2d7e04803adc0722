"""Labels of classes, checked and brought into one form."""

import numpy as np

from keras_sphere.class_names import class_ids
from keras_sphere.validation import as_array, check_class_weights, check_labels


def read_class_labels(backbone, labels, num_images, name="labels"):
    """Labels of `num_images` images; the null class if there are none.

    Args:
        backbone: `SphereEncoderBackbone`.
        labels: As `SphereEncoderModel.generate` takes those of classes.
        num_images: Integer.
        name: String. Name of the argument, for messages.

    Returns:
        int32 array of shape `(num_images,)`; float32 of shape `(num_images,
        num_classes + 1)` for mixed classes; `None` for an unconditional model.
    """
    num_classes = backbone.num_classes
    if num_classes == 0:
        if labels is not None:
            raise ValueError(
                f"`{name}` must be None: the model is unconditional "
                f"(num_classes=0). Received: {name}={labels!r}"
            )
        return None
    if labels is None:
        return np.full((num_images,), num_classes, "int32")
    labels = class_ids(labels, backbone.class_names, name)
    if isinstance(labels, dict):
        return np.tile(_mix(labels, num_classes, name), (num_images, 1))
    labels = as_array(name, labels)
    if labels.ndim == 2 and labels.dtype.kind == "f":
        check_class_weights(labels, num_classes, num_images, name)
        missing = num_classes + 1 - labels.shape[1]
        return np.pad(labels, ((0, 0), (0, missing))).astype("float32")
    if labels.ndim == 0:
        labels = np.full((num_images,), labels)
    check_labels(labels, num_classes, num_images, name)
    return labels.reshape(-1).astype("int32")


def read_classes(backbone, labels, num_images, name="labels"):
    """As `read_class_labels`, of one class per image: no mixes, and `None` stays."""
    if labels is None:
        return None
    labels = read_class_labels(backbone, labels, num_images, name)
    if labels.ndim != 1:
        raise ValueError(
            f"`{name}` must be one class per image, not a mix of classes. "
            f"Received: {name} of shape {labels.shape}"
        )
    return labels


def _mix(labels, num_classes, name):
    """A dict of class to weight as one row of weights."""
    row = np.zeros(num_classes + 1, "float32")
    if labels:
        classes = as_array(name, list(labels))
        check_labels(classes, num_classes, name=name)
        row[classes] = as_array(name, list(labels.values()))
    if not np.all(np.isfinite(row)) or row.sum() <= 0:
        raise ValueError(
            f"`{name}` given as a dict must have finite weights with a positive sum. "
            f"Received: {name}={labels}"
        )
    return row / row.sum()
