"""Datasets for `fit`: by name or path, in an order that can be taken up anywhere."""

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
