"""Measures of the quality of images, in NumPy and float64."""

from keras_sphere.metrics.frechet import frechet_distance
from keras_sphere.metrics.neighbors import nearest_distances, precision_recall
from keras_sphere.metrics.psnr import psnr

__all__ = ["frechet_distance", "nearest_distances", "precision_recall", "psnr"]
