"""What the networks of the family ConvNeXt share."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_sphere.perceptual.frozen_network import FrozenNetwork
from keras_sphere.typing import PathLike, Tensor
from keras_sphere.validation import read_integer, read_sequence

# ImageNet, in [0, 1].
_MEAN, _DEVIATION = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], "float32")


class ConvNeXt(FrozenNetwork):
    """Base class: stages of residual blocks, a depthwise and two dense layers each.

    A subclass has `expanded`, what happens between the two dense layers of a block,
    and `contracted`, what happens after them.

    Args:
        depths: Integers. Blocks of each stage.
        hidden_dims: Integers. Channels of each stage.
        source: See `FrozenNetwork`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `depths` and `hidden_dims` are not of one length.
    """

    def __init__(
        self,
        depths: Sequence[int],
        hidden_dims: Sequence[int],
        source: PathLike | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(source, **kwargs)
        if len(depths) != len(hidden_dims):
            raise ValueError(
                "`depths` and `hidden_dims` must have one entry per stage. Received: "
                f"depths={depths!r}, hidden_dims={hidden_dims!r}"
            )
        self.depths = read_sequence("depths", depths, read_integer)
        self.hidden_dims = read_sequence("hidden_dims", hidden_dims, read_integer)

    def stage_outputs(self, images: Tensor, count: int) -> Iterator[Tensor]:
        """Yields what each of the first stages makes of float32 images in [0, 1]."""
        ops = keras.ops
        x = (images - ops.cast(_MEAN, "float32")) / ops.cast(_DEVIATION, "float32")
        x = self.norm(self.convolution(x, "stem_conv", strides=4), "stem_norm")
        for stage, depth in enumerate(self.depths[:count]):
            if stage:
                x = self.norm(x, f"downsample{stage}_norm")
                x = self.convolution(x, f"downsample{stage}_conv", strides=2)
                x = ops.cast(x, "float32")
            for block in range(depth):
                x = x + self._block(x, f"stage{stage}_block{block}")
            yield x

    def _block(self, x, name):
        ops = keras.ops
        x = ops.depthwise_conv(
            ops.cast(x, self.compute_dtype),
            self.value(f"{name}_depthwise_kernel"),
            padding="same",
            data_format="channels_last",
        )
        x = self.norm(x + self.value(f"{name}_depthwise_bias"), f"{name}_norm")
        x = ops.gelu(self.dense(x, f"{name}_expand"), approximate=False)
        x = ops.cast(self.dense(self.expanded(x, name), f"{name}_contract"), "float32")
        return self.contracted(x, name)

    def expanded(self, x: Tensor, name: str) -> Tensor:
        """What the second dense layer of the block `name` sees of the first one's."""
        return x

    def contracted(self, x: Tensor, name: str) -> Tensor:
        """What is added to the input of the block `name`, of float32."""
        return x

    def norm(self, x: Tensor, name: str) -> Tensor:
        """Layer normalization over channels, in float32."""
        ops = keras.ops
        x = ops.cast(x, "float32")
        x = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(x), axis=-1, keepdims=True)
        scale, bias = (
            ops.cast(self.arrays[f"{name}_{part}"], "float32")
            for part in ("scale", "bias")
        )
        return x * ops.rsqrt(variance + 1e-6) * scale + bias

    def dense(self, x: Tensor, name: str) -> Tensor:
        """Product with the weights `<name>_kernel` and `<name>_bias`."""
        x = keras.ops.cast(x, self.compute_dtype)
        x = keras.ops.matmul(x, self.value(f"{name}_kernel"))
        return x + self.value(f"{name}_bias")

    def get_config(self):
        return {
            **super().get_config(),
            "depths": self.depths,
            "hidden_dims": self.hidden_dims,
        }


def convnext_shapes(depths, hidden_dims, block_shapes):
    """Dict of name -> shape of the weights of stages.

    Args:
        depths: Integers. Blocks of each stage.
        hidden_dims: Integers. Channels of each stage.
        block_shapes: Callable from the channels of a block to a dict of what it has
            beside its norm and its three layers.
    """
    shapes = {}

    def add(name, *kernel):
        shapes[f"{name}_kernel"] = kernel
        shapes[f"{name}_bias"] = kernel[-1:]

    def add_norm(name, channels):
        shapes[f"{name}_scale"] = shapes[f"{name}_bias"] = (channels,)

    add("stem_conv", 4, 4, 3, hidden_dims[0])
    add_norm("stem_norm", hidden_dims[0])
    for stage, (depth, dim) in enumerate(zip(depths, hidden_dims, strict=True)):
        if stage:
            add_norm(f"downsample{stage}_norm", hidden_dims[stage - 1])
            add(f"downsample{stage}_conv", 2, 2, hidden_dims[stage - 1], dim)
        for block in range(depth):
            name = f"stage{stage}_block{block}"
            shapes[f"{name}_depthwise_kernel"] = (7, 7, dim, 1)
            shapes[f"{name}_depthwise_bias"] = (dim,)
            add_norm(f"{name}_norm", dim)
            add(f"{name}_expand", dim, 4 * dim)
            add(f"{name}_contract", 4 * dim, dim)
            for part, shape in block_shapes(dim).items():
                shapes[f"{name}_{part}"] = shape
    return shapes
