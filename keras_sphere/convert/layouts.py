"""How PyTorch's arrays are turned into ours, and back."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Layout:
    """How an array of the reference's layout is turned into ours, and back.

    Args:
        to_ours: Callable, array to array.
        to_reference: Callable, its inverse.
    """

    to_ours: Callable[..., Any]
    to_reference: Callable[..., Any]

    def __call__(self, array):
        return self.to_ours(array)

    def reference_shape(self, shape):
        """The shape that the reference's array has where ours has `shape`."""
        return self.to_reference(np.broadcast_to(np.float32(0.0), shape)).shape


# `[out, in]` and `(in, out)`.
dense = Layout(np.transpose, np.transpose)
# `[out, in, rows, columns]` and `(rows, columns, in, out)`; the transposed
# convolution's `[in, out, rows, columns]` and `(rows, columns, out, in)`.
convolution = Layout(
    lambda kernel: np.transpose(kernel, (2, 3, 1, 0)),
    lambda kernel: np.transpose(kernel, (3, 2, 0, 1)),
)
same = Layout(lambda array: array, lambda array: array)
# A mixer's alpha, a scalar or of shape `[1]`.
scalar = Layout(lambda array: np.reshape(array, (1,)), lambda array: array)
# `[out, in]` and the kernel of a 1x1 convolution.
pointwise = Layout(
    lambda kernel: np.transpose(kernel)[None, None],
    lambda kernel: np.transpose(kernel[0, 0]),
)
# `[1, tokens, width]` and `(tokens, width)`.
table = Layout(lambda array: array[0], lambda array: array[None])
# `[blocks, 6 width]` and `(blocks, 6, width)`.
offset_table = Layout(
    lambda array: np.reshape(array, (len(array), 6, -1)),
    lambda array: np.reshape(array, (len(array), -1)),
)
