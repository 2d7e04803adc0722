"""Pictures made of numbers, for runs that test everything but the data."""

import numpy as np

NUM_IMAGES = {"train": 1000, "test": 200}
FIRST_IMAGE = {"train": 0, "test": 2**32}


class SyntheticImages:
    """Colored waves: the class is the direction and the hue, the image the phase.

    The same arguments give the same images. They are computed when they are asked for,
    so that large ones take no memory.

    Args:
        split: `"train"` or `"test"`.
        num_images: Integer.
        image_size: Integer. Height and width.
        num_classes: Integer, 0 for images without classes.

    Attributes:
        labels: int32 array of shape `(num_images,)`.
        shape: Tuple of integers; indexing gives uint8 arrays, as of an array.
    """

    dtype = np.dtype("uint8")

    def __init__(self, split, num_images, image_size, num_classes):
        self.shape = (num_images, image_size, image_size, 3)
        self.labels = (np.arange(num_images) % max(num_classes, 1)).astype("int32")
        self._shares = self.labels / max(num_classes, 1)
        bits = np.random.Philox(key=np.array([FIRST_IMAGE[split], 0], "uint64"))
        draws = np.random.Generator(bits).random((num_images, 3))
        self._draws = draws.astype("float32")

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, rows):
        return self._compute(self._shares[rows], self._draws[rows])

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)

    def _compute(self, share, draws):
        """Images of the shares and draws, with whatever axes these have in front."""
        share, draws = share[..., None, None], draws[..., None, None]
        phase, turn, frequency = np.moveaxis(draws, -3, 0)
        angle = (np.pi * share + 0.1 * turn).astype("float32")
        axis = np.linspace(-1, 1, self.shape[1], dtype="float32")
        position = axis * np.cos(angle) + axis[:, None] * np.sin(angle)
        waves = np.cos((3 + 2 * frequency) * position + 2 * np.pi * phase)
        hue = 2 * np.pi * share[..., None] + 2.1 * np.arange(3)
        color = (0.6 + 0.4 * np.cos(hue)).astype("float32")
        images = 127.5 + 127.5 * waves[..., None] * color
        return np.rint(images).astype("uint8")
