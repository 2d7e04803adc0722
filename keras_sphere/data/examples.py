"""Single images of a dataset, by their place."""

from collections.abc import Iterable

import numpy as np

from keras_sphere.typing import Array


class Examples:
    """Mixin of `ImageDataset`: images, vectors and captions in file order.

    It needs `_source` and `_read`.
    """

    def examples(self, indices: Iterable[int]) -> tuple[Array, Array | None]:
        """Images by their place in file order, cropped at the center, else unchanged.

        Args:
            indices: Integers in [0, `description.num_images`).

        Returns:
            Pair of uint8 images of shape `(count, image_size, image_size,
            num_channels)` and int32 labels of shape `(count,)`, or `None`.

        Raises:
            IndexError: If there is no such image.
        """
        indices = self._checked(indices)
        images, labels, _ = self._read(indices, np.full(len(indices), 0.5))
        return images, labels

    def embeddings_of(self, indices: Iterable[int]) -> Array | None:
        """Vectors of images by their place in file order; see `examples`.

        Returns:
            float32 array of shape `(count, condition_dim)`, or `None` without vectors.
        """
        vectors, indices = self._source.embeddings, self._checked(indices)
        return None if vectors is None else vectors[indices]

    def captions_of(self, indices: Iterable[int]) -> list[str] | None:
        """List of the captions of images, likewise, or `None` without captions."""
        captions, indices = self._source.captions, self._checked(indices)
        return None if captions is None else [captions[index] for index in indices]

    def _checked(self, indices):
        indices = np.asarray(indices, "int64").reshape(-1)
        count = len(self._source)
        if indices.size and not (indices.min() >= 0 and indices.max() < count):
            raise IndexError(
                f"There are {count} images. Received: indices from {indices.min()} "
                f"to {indices.max()}"
            )
        return indices
