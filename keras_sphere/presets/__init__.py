"""Models by name: `presets.load("digits16")`, `presets.list()`, `presets.describe`."""

from typing import TYPE_CHECKING

from keras_sphere.lazy_names import lazy_names
from keras_sphere.presets.listing import describe
from keras_sphere.presets.listing import list_presets as list

if TYPE_CHECKING:
    from keras_sphere.presets.loading import load
    from keras_sphere.presets.refiners import load_refiner

__all__ = ["describe", "list", "load", "load_refiner"]
__getattr__ = lazy_names(
    __name__, {"loading": ("load",), "refiners": ("load_refiner",)}
)
