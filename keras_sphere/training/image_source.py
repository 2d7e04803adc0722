"""Images by index, from arrays or from a dataset that reads files."""

import numpy as np

from keras_sphere.class_names import check_same_names, names_in
from keras_sphere.condition_rows import check_embedding_type
from keras_sphere.image_validation import (
    as_pixels,
    check_image_type,
    check_pixels,
    warn_of_unit_range,
)
from keras_sphere.models.class_labels import read_classes
from keras_sphere.models.conditions import read_rows


class ImageSource:
    """One way to take images out of arrays, or of a dataset of `keras_sphere.data`.

    Args:
        name: String. Name of the argument, for messages.
        images: Array of shape `(num_images, height, width, channels)`, uint8 or float
            in [-1, 1]; or an object whose `examples(indices)` returns such images and
            their labels (or `None`), and whose `description.num_images` says how many
            there are.
        labels: Integers or names of classes, of shape `(num_images,)`, or `None`; for
            arrays only.

    Raises:
        ValueError: If `images` is neither, or is empty, or not uint8 or finite floats
            in [-1, 1], or the labels do not fit. Images of a dataset are checked when
            they are taken.
    """

    def __init__(self, name, images, labels=None):
        self.name = name
        self._images, self._labels = images, labels
        if hasattr(images, "examples"):
            self.num_images = images.description.num_images
            fits = labels is None
        else:
            is_array = hasattr(images, "shape") and len(images.shape) == 4
            self.num_images = images.shape[0] if is_array else 0
            fits = labels is None or len(labels) == self.num_images
        if not self.num_images or not fits:
            raise ValueError(
                f"`{name}` must be an array of shape (num_images, height, width, "
                "channels), with one label per image if there are labels, or a dataset "
                "of `keras_sphere.data`, which has its own. Received: "
                f"{name} of type {type(images).__name__} and shape "
                f"{getattr(images, 'shape', None)}, "
                f"{'no' if labels is None else len(labels)} labels"
            )
        if not hasattr(images, "examples"):
            warn_of_unit_range(check_pixels(images, name)[0])

    @property
    def class_names(self):
        """Names of the classes, or `None`."""
        return names_in(self._images)

    def take(self, indices):
        """Images and labels (or `None`) of some indices, as NumPy arrays."""
        if hasattr(self._images, "examples"):
            images, labels = self._images.examples(indices)
        else:
            images, labels = self._images[indices], self._labels
            labels = None if labels is None else np.asarray(labels)[indices]
        images = as_pixels(self.name, images)
        return images, None if labels is None else np.ravel(labels).astype("int32")

    def spread_indices(self, count):
        """At most `count` different indices, evenly from the first to the last."""
        count = min(count, self.num_images)
        return np.linspace(0, self.num_images - 1, count).round().astype("int64")

    def conditions(self, backbone, indices):
        """What a model is to follow for images of some indices, or `None`.

        Args:
            backbone: `SphereEncoderBackbone`.
            indices: Array of integers.

        Returns:
            Labels, or rows if the model is conditional on vectors and the images have
            some.
        """
        labels = self.take(indices)[1] if backbone.num_classes else None
        vectors = self._vectors(indices) if backbone.condition_dim else None
        if vectors is None:
            return labels
        return read_rows(backbone, len(indices), labels, vectors)

    def captions(self, indices):
        """Captions of some indices, or empty texts."""
        find = getattr(self._images, "captions_of", None)
        found = None if find is None else find(indices)
        return [""] * len(indices) if found is None else found

    def _vectors(self, indices):
        find = getattr(self._images, "embeddings_of", None)
        return None if find is None else find(indices)

    def spread_over_classes(self, count):
        """`count` indices of images with as many different labels as there are.

        They are chosen, always alike, among eight times as many.
        """
        indices = self.spread_indices(8 * count)
        images, labels = self.take(indices)
        if labels is None:
            chosen = np.linspace(0, len(images) - 1, min(count, len(images)))
            return indices[chosen.round().astype("int64")]
        earlier = np.array([np.sum(labels[:i] == c) for i, c in enumerate(labels)])
        chosen = np.lexsort((labels, earlier))[:count]
        firsts = np.flatnonzero(earlier == 0)
        if len(firsts) > count:
            firsts = firsts[np.argsort(labels[firsts])]
            chosen = firsts[np.linspace(0, len(firsts) - 1, count).round().astype(int)]
        chosen = chosen[np.argsort(labels[chosen], kind="stable")]
        return indices[chosen]

    def check(self, backbone):
        """Raises a `ValueError` unless a backbone takes such images and classes.

        Names of classes become their ids.
        """
        check_same_names(self.name, self._images, backbone.class_names)
        if backbone.num_classes:
            self._labels = read_classes(backbone, self._labels, self.num_images)
        vectors = self._vectors([0]) if backbone.condition_dim else None
        if vectors is not None:
            check_embedding_type(vectors, backbone.condition_dim)
        images, _ = self.take([0])
        check_image_type(images, backbone.image_size, backbone.num_channels, self.name)
