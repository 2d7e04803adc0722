"""Presets from checkpoints of the PyTorch reference, and back."""

from keras_sphere.convert.reference import from_reference
from keras_sphere.convert.run_folder import preset_to_reference, reference_to_preset

__all__ = ["from_reference", "preset_to_reference", "reference_to_preset"]
