"""Data sets that need no download."""

from keras_sphere.data.digits import load_digits

__all__ = ["load_digits"]
