"""Datasets for `fit`: by name or path, in an order that can be taken up anywhere."""

from keras_sphere.lazy_names import lazy_names

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
