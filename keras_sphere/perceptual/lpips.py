"""LPIPS: a distance of VGG16 features that was fitted to human judgments."""

from typing import Any

import keras
import numpy as np

from keras_sphere.perceptual.frozen_network import FrozenNetwork
from keras_sphere.perceptual.keras_applications import vgg16_weights
from keras_sphere.perceptual.weight_files import LPIPS_FILE
from keras_sphere.typing import Array, PathLike, Tensor
from keras_sphere.validation import read_integer

# Channels and convolutions of the blocks of VGG16, between which are poolings. LPIPS
# looks at what each block ends with: convolutions 2, 4, 7, 10 and 13.
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
_EPSILON = 1e-10

# `x * scale - offset` of images in [0, 1], per color. LPIPS takes images in [-1, 1] to
# `(x - shift) / deviation`; Keras' VGG16 takes [0, 255] and only subtracts a mean.
_SHIFT, _DEVIATION = np.array([[-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]])
_LPIPS_RANGE = (2.0 / _DEVIATION, (1.0 + _SHIFT) / _DEVIATION)
_KERAS_RANGE = (np.full(3, 255.0), np.array([123.68, 116.779, 103.939]))


@keras.saving.register_keras_serializable(package="keras_sphere")
class LPIPS(FrozenNetwork):
    """Feature maps whose mean squared difference is the LPIPS distance.

    With the activations phi_k of VGG16, normalized to `u = phi / sqrt(sum phi^2 +
    1e-10)` over channels, LPIPS is the sum over layers k of the spatial mean of
    `sum_c w_kc (u_kc(x) - u_kc(y))^2`. The maps are `u_kc sqrt(C_k w_kc)` with C_k
    channels, so that the mean over all axes but the first gives each term.

    Args:
        layer_range: Pair of integers, the first layer and the one after the last, of
            five. Only what they need of VGG16 is built.
        source: See `FrozenNetwork`. With `"keras_applications"`, VGG16 is Keras' and
            w_k is the same for all channels: an approximation.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, 1 or 3)`, in [0, 1],
            of at least 16 px for all layers.

    Returns:
        List of float32 tensors of shape `(batch, rows, columns, channels)`.

    Example:

    >>> network = LPIPS()
    >>> loss = PixelLoss(distance_weight=0.0, feature_distance="l2")
    >>> a, b = ({"images": x, "features": network(x)} for x in (images, others))
    >>> distance = loss.call(a, b)  # (batch,)

    Reference:
        - [The Unreasonable Effectiveness of Deep Features as a Perceptual
          Metric](https://arxiv.org/abs/1801.03924)
    """

    file_name = LPIPS_FILE

    def __init__(
        self,
        layer_range: tuple[int, int] = (0, 5),
        source: PathLike | None = "torchvision",
        **kwargs: Any,
    ) -> None:
        super().__init__(source, **kwargs)
        first, last = (
            read_integer("layer_range", layer, least=0) for layer in layer_range
        )
        if not 0 <= first < last <= len(BLOCKS):
            raise ValueError(
                "`layer_range` must be a first layer and the one after the last, "
                f"within (0, {len(BLOCKS)}). Received: layer_range={layer_range!r}"
            )
        self.layer_range = (first, last)
        self.smallest_image = 2 ** (last - 1)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        return lpips_shapes(len(BLOCKS))

    def used_names(self) -> list[str]:
        first, last = self.layer_range
        unused = [f"lin{layer}" for layer in range(first)]
        return [name for name in lpips_shapes(last) if name not in unused]

    def keras_weights(self) -> dict[str, Array]:
        return vgg16_weights()

    def features(self, images: Tensor) -> Any:
        ops = keras.ops
        is_keras = self.source == "keras_applications"
        scale, offset = _KERAS_RANGE if is_keras else _LPIPS_RANGE
        x = images * ops.cast(scale, "float32") - ops.cast(offset, "float32")
        maps, (first, last) = [], self.layer_range
        for block, (_, num_convolutions) in enumerate(BLOCKS[:last]):
            if block:
                x = ops.max_pool(x, 2, strides=2, data_format="channels_last")
            for i in range(num_convolutions):
                name = f"block{block + 1}_conv{i + 1}"
                x = ops.relu(self.convolution(x, name, padding="same"))
            if block >= first:
                maps.append(self._weighted(x, block))
        return maps

    def _weighted(self, x, layer):
        ops = keras.ops
        x = ops.cast(x, "float32")
        length = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + _EPSILON)
        weights = ops.cast(self.arrays[f"lin{layer}"], "float32")
        return x / length * ops.sqrt(weights * BLOCKS[layer][0])

    def get_config(self):
        return {**super().get_config(), "layer_range": self.layer_range}


def lpips_shapes(num_blocks):
    """Dict of name -> shape of the weights of the first blocks and layers."""
    shapes, channels_in = {}, 3
    for block, (channels, num_convolutions) in enumerate(BLOCKS[:num_blocks]):
        for i in range(num_convolutions):
            name = f"block{block + 1}_conv{i + 1}"
            shapes[f"{name}_kernel"] = (3, 3, channels_in, channels)
            shapes[f"{name}_bias"] = (channels,)
            channels_in = channels
        shapes[f"lin{block}"] = (channels,)
    return shapes
