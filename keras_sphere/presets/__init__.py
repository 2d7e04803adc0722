"""Models by name: `presets.load("digits16")`, `presets.list()`, `presets.describe`."""

from keras_sphere.presets.listing import describe
from keras_sphere.presets.listing import list_presets as list
from keras_sphere.presets.loading import load

__all__ = ["describe", "list", "load"]
