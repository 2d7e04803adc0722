"""Datasets for `fit`: by name or path, in an order that can be taken up anywhere."""

from typing import TYPE_CHECKING

from keras_sphere.lazy_names import lazy_names

if TYPE_CHECKING:
    from keras_sphere.data.description import DatasetDescription
    from keras_sphere.data.digits import load_digits
    from keras_sphere.data.downloads import DataNotFoundError
    from keras_sphere.data.image_dataset import ImageDataset
    from keras_sphere.data.image_decoding import UnreadableImageError
    from keras_sphere.data.loading import load
    from keras_sphere.data.padded_batches import PaddedBatches
    from keras_sphere.data.shuffled_batches import ShuffledBatches

__all__ = [
    "DataNotFoundError",
    "DatasetDescription",
    "ImageDataset",
    "PaddedBatches",
    "ShuffledBatches",
    "UnreadableImageError",
    "load",
    "load_digits",
]
__getattr__ = lazy_names(
    __name__,
    {
        "description": ("DatasetDescription",),
        "digits": ("load_digits",),
        "downloads": ("DataNotFoundError",),
        "image_dataset": ("ImageDataset",),
        "image_decoding": ("UnreadableImageError",),
        "loading": ("load",),
        "padded_batches": ("PaddedBatches",),
        "shuffled_batches": ("ShuffledBatches",),
    },
)
