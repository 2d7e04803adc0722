"""A page of static files that generates on the reader's machine."""

from keras_sphere.web.runtime import find_runtime, linked_runtime
from keras_sphere.web.site import write_site

__all__ = ["find_runtime", "linked_runtime", "write_site"]
