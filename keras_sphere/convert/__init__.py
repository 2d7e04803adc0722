"""Weights from PyTorch: presets of reference checkpoints, and perceptual networks."""

from typing import TYPE_CHECKING

from keras_sphere.lazy_names import lazy_names

if TYPE_CHECKING:
    from keras_sphere.convert.perceptual_weights import (
        convert_convnext,
        convert_convnextv2,
        convert_efficientnet_lite2,
        convert_lpips,
    )
    from keras_sphere.convert.reference import from_reference
    from keras_sphere.convert.reference2 import from_reference2
    from keras_sphere.convert.run_folder import preset_to_reference, reference_to_preset
    from keras_sphere.convert.sphere2_folder import sphere2_to_preset

__all__ = [
    "convert_convnext",
    "convert_convnextv2",
    "convert_efficientnet_lite2",
    "convert_lpips",
    "from_reference",
    "from_reference2",
    "preset_to_reference",
    "reference_to_preset",
    "sphere2_to_preset",
]
__getattr__ = lazy_names(
    __name__,
    {
        "perceptual_weights": (
            "convert_convnext",
            "convert_convnextv2",
            "convert_efficientnet_lite2",
            "convert_lpips",
        ),
        "reference": ("from_reference",),
        "reference2": ("from_reference2",),
        "run_folder": ("preset_to_reference", "reference_to_preset"),
        "sphere2_folder": ("sphere2_to_preset",),
    },
)
