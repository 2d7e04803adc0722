"""Pictures made of numbers, for runs that test everything but the data."""

import numpy as np

NUM_IMAGES = {"train": 1000, "test": 200}
FIRST_IMAGE = {"train": 0, "test": 2**32}


def synthetic_images(split, num_images, image_size, num_classes):
    """Colored waves: the class is the direction and the hue, the image the phase.

    The same arguments give the same images.

    Args:
        split: `"train"` or `"test"`.
        num_images: Integer.
        image_size: Integer. Height and width.
        num_classes: Integer, 0 for images without classes.

    Returns:
        Pair of uint8 images of shape `(num_images, image_size, image_size, 3)`
        and int32 labels of shape `(num_images,)`.
    """
    indices = np.arange(num_images)
    labels = (indices % max(num_classes, 1)).astype("int32")
    bits = np.random.Philox(key=np.array([FIRST_IMAGE[split], 0], "uint64"))
    draws = np.random.Generator(bits).random((num_images, 3)).astype("float32")
    share = labels / max(num_classes, 1)
    angle = (np.pi * share + 0.1 * draws[:, 1]).astype("float32")[:, None, None]
    axis = np.linspace(-1, 1, image_size, dtype="float32")
    position = axis * np.cos(angle) + axis[:, None] * np.sin(angle)  # (N, H, W)
    frequency = 3 + 2 * draws[:, 2, None, None]
    waves = np.cos(frequency * position + 2 * np.pi * draws[:, 0, None, None])
    hue = 2 * np.pi * share[:, None] + 2.1 * np.arange(3)
    color = (0.6 + 0.4 * np.cos(hue)).astype("float32")[:, None, None, :]
    images = 127.5 + 127.5 * waves[..., None] * color
    return np.rint(images).astype("uint8"), labels
