"""Frozen networks of the perceptual loss: LPIPS, ConvNeXt logits, their sum, and more.

Each maps images in [0, 1] to a list of feature maps, scaled such that the squared
differences of the maps of two images, averaged over each map and summed over the maps
(`PixelLoss(feature_distance="l2")`), are the perceptual distance.
"""

from typing import TYPE_CHECKING

from keras_sphere.choices import PERCEPTUAL_NETWORKS as NAMES
from keras_sphere.lazy_names import lazy_names

if TYPE_CHECKING:
    from keras_sphere.perceptual.convnext_logits import ConvNeXtLogits
    from keras_sphere.perceptual.convnextv2 import ConvNeXtV2
    from keras_sphere.perceptual.efficientnet_lite2 import (
        EfficientNetLite2,
        EfficientNetLite2Classifier,
    )
    from keras_sphere.perceptual.lpips import LPIPS
    from keras_sphere.perceptual.named import (
        feature_distance_of,
        load,
        load_classifier,
        load_features,
    )
    from keras_sphere.perceptual.weighted_sum import WeightedSum

__all__ = [
    "LPIPS",
    "NAMES",
    "ConvNeXtLogits",
    "ConvNeXtV2",
    "EfficientNetLite2",
    "EfficientNetLite2Classifier",
    "WeightedSum",
    "feature_distance_of",
    "load",
    "load_classifier",
    "load_features",
]
__getattr__ = lazy_names(
    __name__,
    {
        "convnext_logits": ("ConvNeXtLogits",),
        "convnextv2": ("ConvNeXtV2",),
        "efficientnet_lite2": ("EfficientNetLite2", "EfficientNetLite2Classifier"),
        "lpips": ("LPIPS",),
        "named": ("feature_distance_of", "load", "load_classifier", "load_features"),
        "weighted_sum": ("WeightedSum",),
    },
)
