"""Editing with a trained model: functions that take the model and images.

All of it is the loop of generation with something replaced: there is no inversion,
no optimization and no training.
"""

from keras_sphere.editing.crossover import crossover, crossover_mask, stitch
from keras_sphere.editing.direction import direction
from keras_sphere.editing.label_guess import guess_labels
from keras_sphere.editing.random_walk import random_walk
from keras_sphere.editing.refinement import manipulate_class, refine, variations
from keras_sphere.editing.restoration import (
    denoise,
    inpaint,
    restore,
    super_resolve,
)
from keras_sphere.editing.sweep import sweep

__all__ = [
    "crossover",
    "crossover_mask",
    "denoise",
    "direction",
    "guess_labels",
    "inpaint",
    "manipulate_class",
    "random_walk",
    "refine",
    "restore",
    "stitch",
    "super_resolve",
    "sweep",
    "variations",
]
