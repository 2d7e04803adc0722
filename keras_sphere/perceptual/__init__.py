"""Frozen networks of the perceptual loss: LPIPS, ConvNeXt logits, their sum, and more.

Each maps images in [0, 1] to a list of feature maps, scaled such that the squared
differences of the maps of two images, averaged over each map and summed over the maps
(`PixelLoss(feature_distance="l2")`), are the perceptual distance.
"""

from keras_sphere.perceptual.convnext_logits import ConvNeXtLogits
from keras_sphere.perceptual.efficientnet_lite2 import (
    EfficientNetLite2,
    EfficientNetLite2Classifier,
)
from keras_sphere.perceptual.lpips import LPIPS
from keras_sphere.perceptual.named import NAMES, feature_distance_of, load
from keras_sphere.perceptual.weighted_sum import WeightedSum

__all__ = [
    "LPIPS",
    "NAMES",
    "ConvNeXtLogits",
    "EfficientNetLite2",
    "EfficientNetLite2Classifier",
    "WeightedSum",
    "feature_distance_of",
    "load",
]
