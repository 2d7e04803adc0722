"""Models by name: `presets.load("digits16")`, `presets.list()`, `presets.describe`."""

from keras_sphere.lazy_names import lazy_names
from keras_sphere.presets.listing import describe
from keras_sphere.presets.listing import list_presets as list

__all__ = ["describe", "list", "load", "load_refiner"]
__getattr__ = lazy_names(
    __name__, {"loading": ("load",), "refiners": ("load_refiner",)}
)
