"""The losses of both methods and optional ones, one value per image."""

from keras_sphere.losses.by_angle import ByAngle
from keras_sphere.losses.computed_loss import ComputedLoss
from keras_sphere.losses.drifting import Drifting
from keras_sphere.losses.latent_cosine_distance import LatentCosineDistance
from keras_sphere.losses.latent_uniformity import LatentUniformity
from keras_sphere.losses.logit_distance import LogitDistance
from keras_sphere.losses.pixel_loss import PixelLoss

__all__ = [
    "ByAngle",
    "ComputedLoss",
    "Drifting",
    "LatentCosineDistance",
    "LatentUniformity",
    "LogitDistance",
    "PixelLoss",
]
