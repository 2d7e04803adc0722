"""Data sets that need no download, and batches that can be taken up anywhere."""

from keras_sphere.data.digits import load_digits
from keras_sphere.data.padded_batches import PaddedBatches
from keras_sphere.data.shuffled_batches import ShuffledBatches

__all__ = ["PaddedBatches", "ShuffledBatches", "load_digits"]
