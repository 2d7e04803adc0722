"""Types that annotations of arguments and results share.

The tensors of the three backends have no type in common, and none of the backends is
imported for its name.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Array", "ArrayLike", "Embed", "Labels", "PathLike", "Tensor"]

Array: TypeAlias = np.ndarray
PathLike: TypeAlias = str | os.PathLike[str]
# What makes vectors of texts.
Embed: TypeAlias = Callable[[list[str]], ArrayLike]
# A tensor of the backend, or what it converts to one.
Tensor: TypeAlias = Any
# Classes of images: ids or names, one or several, rows of class weights, or a mix of
# classes as a mapping of their weights.
Labels: TypeAlias = ArrayLike | Mapping[int, float] | Mapping[str, float]
