"""Images that are in memory."""

import hashlib

import numpy as np

from keras_sphere.data.vectors import OptionalVectors
from keras_sphere.optional_imports import import_optional


class ArraySource(OptionalVectors):
    """Arrays of images as a source of an `ImageDataset`.

    Args:
        images: uint8 array of shape `(num_images, height, width, channels)`, or what
            is indexed like one.
        labels: Integer array of shape `(num_images,)`, or `None`.
        class_names: Tuple of strings; empty without labels.
        location: String. Where the images are from.
    """

    def __init__(self, images, labels=None, class_names=(), location="arrays"):
        self.images = images
        self.labels = None if labels is None else np.asarray(labels, "int32")
        self.class_names = tuple(class_names)
        self.location = location
        self.num_channels = images.shape[-1]

    def __len__(self):
        return len(self.images)

    def subset(self, indices):
        """A source of some of the images."""
        labels = None if self.labels is None else self.labels[indices]
        subset = ArraySource(
            self.images[indices], labels, self.class_names, self.location
        )
        return self._give_vectors(subset, indices)

    def checksum(self):
        """Hexadecimal digits that tell the pixels from others."""
        return hashlib.sha256(np.ascontiguousarray(self.images)).hexdigest()

    def path(self, index):
        """What an image is called in messages."""
        return f"{self.location}[{index}]"

    def example(self, index, smallest_side, exact):
        """A `PIL.Image.Image`, its label or `None`, and what was converted."""
        del smallest_side, exact
        pillow = import_optional("PIL.Image", "Resizing images")
        image = self.images[index]
        image = pillow.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        return image, None if self.labels is None else self.labels[index], ()
