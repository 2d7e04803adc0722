"""The logits of a ConvNeXt classifier, as perceptual features."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_sphere.perceptual.convnext import ConvNeXt, convnext_shapes
from keras_sphere.perceptual.keras_applications import convnext_weights
from keras_sphere.perceptual.resizing import resize_bilinear
from keras_sphere.typing import Array, PathLike, Tensor
from keras_sphere.validation import read_integer


@keras.saving.register_keras_serializable(package="keras_sphere")
class ConvNeXtLogits(ConvNeXt):
    """The logits that ConvNeXt gives images, by default ConvNeXt-Small's 1000.

    Their mean squared difference is the second part of the paper's perceptual loss.
    Images are resized (bilinear, antialiased) and normalized as for ImageNet.

    Args:
        depths: Integers. Blocks of each stage.
        hidden_dims: Integers. Channels of each stage.
        num_classes: Integer.
        image_size: Integer. What images are resized to; a multiple of 32 for four
            stages, or whatever is left over at the edges is not seen.
        source: See `FrozenNetwork`. With `"keras_applications"` the weights are those
            of ConvNeXt's authors, not torchvision's: an approximation.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, 1 or 3)`, in [0, 1], of
            any size.

    Returns:
        List of one float32 tensor of shape `(batch, num_classes)`.

    Reference:
        - [A ConvNet for the 2020s](https://arxiv.org/abs/2201.03545)
    """

    file_name = "convnext_small.npz"

    def __init__(
        self,
        depths: Sequence[int] = (3, 3, 27, 3),
        hidden_dims: Sequence[int] = (96, 192, 384, 768),
        num_classes: int = 1000,
        image_size: int = 224,
        source: PathLike | None = "torchvision",
        **kwargs: Any,
    ) -> None:
        super().__init__(depths, hidden_dims, source, **kwargs)
        self.num_classes = read_integer("num_classes", num_classes)
        self.image_size = read_integer("image_size", image_size)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        def layer_scale(channels):
            return {"layer_scale": (channels,)}

        shapes = convnext_shapes(self.depths, self.hidden_dims, layer_scale)
        channels = self.hidden_dims[-1]
        shapes["head_norm_scale"] = shapes["head_norm_bias"] = (channels,)
        shapes["head_kernel"] = (channels, self.num_classes)
        shapes["head_bias"] = (self.num_classes,)
        return shapes

    def keras_weights(self) -> dict[str, Array]:
        return convnext_weights()

    def features(self, images: Tensor) -> Any:
        ops = keras.ops
        x = resize_bilinear(images, self.image_size)
        *_, x = self.stage_outputs(x, len(self.depths))
        x = self.norm(ops.mean(x, axis=(1, 2)), "head_norm")
        return [ops.cast(self.dense(x, "head"), "float32")]

    def contracted(self, x: Tensor, name: str) -> Tensor:
        return x * keras.ops.cast(self.arrays[f"{name}_layer_scale"], "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "image_size": self.image_size,
        }
