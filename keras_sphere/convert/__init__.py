"""Weights from PyTorch: presets of reference checkpoints, and perceptual networks."""

from keras_sphere.lazy_names import lazy_names

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
