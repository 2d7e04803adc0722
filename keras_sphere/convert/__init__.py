"""Models from weights in other formats."""

from keras_sphere.convert.reference import from_reference

__all__ = ["from_reference"]
