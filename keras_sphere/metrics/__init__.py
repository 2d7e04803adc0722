"""Measures of the quality of images, in NumPy and float64."""

from keras_sphere.metrics.frechet import frechet_distance, frechet_distance_of_gaussians
from keras_sphere.metrics.gaussian import Gaussian, GaussianFit
from keras_sphere.metrics.inception_score import InceptionScore
from keras_sphere.metrics.kernel_distance import kernel_distance
from keras_sphere.metrics.neighbors import (
    density_coverage,
    nearest_distances,
    nearest_neighbors,
    neighbor_measures,
    precision_recall,
)
from keras_sphere.metrics.psnr import psnr
from keras_sphere.metrics.sphere_uniformity import (
    UniformityTest,
    cone_coverage,
    cosine_law,
    pair_angles,
    sliced_wasserstein_test,
)
from keras_sphere.metrics.ssim import ssim

__all__ = [
    "Gaussian",
    "GaussianFit",
    "InceptionScore",
    "UniformityTest",
    "cone_coverage",
    "cosine_law",
    "density_coverage",
    "frechet_distance",
    "frechet_distance_of_gaussians",
    "kernel_distance",
    "nearest_distances",
    "nearest_neighbors",
    "neighbor_measures",
    "pair_angles",
    "precision_recall",
    "psnr",
    "sliced_wasserstein_test",
    "ssim",
]
