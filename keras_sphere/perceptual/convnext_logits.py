"""The logits of a ConvNeXt classifier, as perceptual features."""

import keras
import numpy as np

from keras_sphere.perceptual.frozen_network import FrozenNetwork
from keras_sphere.perceptual.keras_applications import convnext_weights
from keras_sphere.perceptual.resizing import resize_bilinear
from keras_sphere.validation import read_integer, read_sequence

# ImageNet, in [0, 1].
_MEAN, _DEVIATION = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], "float32")


@keras.saving.register_keras_serializable(package="keras_sphere")
class ConvNeXtLogits(FrozenNetwork):
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
        depths=(3, 3, 27, 3),
        hidden_dims=(96, 192, 384, 768),
        num_classes=1000,
        image_size=224,
        source="torchvision",
        **kwargs,
    ):
        super().__init__(source, **kwargs)
        if len(depths) != len(hidden_dims):
            raise ValueError(
                "`depths` and `hidden_dims` must have one entry per stage. Received: "
                f"depths={depths!r}, hidden_dims={hidden_dims!r}"
            )
        self.depths = read_sequence("depths", depths, read_integer)
        self.hidden_dims = read_sequence("hidden_dims", hidden_dims, read_integer)
        self.num_classes = read_integer("num_classes", num_classes)
        self.image_size = read_integer("image_size", image_size)

    def weight_shapes(self):
        return convnext_shapes(self.depths, self.hidden_dims, self.num_classes)

    def keras_weights(self):
        return convnext_weights()

    def features(self, images):
        ops = keras.ops
        x = resize_bilinear(images, self.image_size)
        x = (x - ops.cast(_MEAN, "float32")) / ops.cast(_DEVIATION, "float32")
        x = self._norm(self.convolution(x, "stem_conv", strides=4), "stem_norm")
        for stage, depth in enumerate(self.depths):
            if stage:
                x = self._norm(x, f"downsample{stage}_norm")
                x = self.convolution(x, f"downsample{stage}_conv", strides=2)
                x = ops.cast(x, "float32")
            for block in range(depth):
                x = x + self._block(x, f"stage{stage}_block{block}")
        x = self._norm(ops.mean(x, axis=(1, 2)), "head_norm")
        return [ops.cast(self._dense(x, "head"), "float32")]

    def _block(self, x, name):
        ops = keras.ops
        x = ops.depthwise_conv(
            ops.cast(x, self.compute_dtype),
            self.value(f"{name}_depthwise_kernel"),
            padding="same",
            data_format="channels_last",
        )
        x = self._norm(x + self.value(f"{name}_depthwise_bias"), f"{name}_norm")
        x = ops.gelu(self._dense(x, f"{name}_expand"), approximate=False)
        x = ops.cast(self._dense(x, f"{name}_contract"), "float32")
        return x * ops.cast(self.arrays[f"{name}_layer_scale"], "float32")

    def _norm(self, x, name):
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

    def _dense(self, x, name):
        x = keras.ops.cast(x, self.compute_dtype)
        x = keras.ops.matmul(x, self.value(f"{name}_kernel"))
        return x + self.value(f"{name}_bias")

    def get_config(self):
        return {
            **super().get_config(),
            "depths": self.depths,
            "hidden_dims": self.hidden_dims,
            "num_classes": self.num_classes,
            "image_size": self.image_size,
        }


def convnext_shapes(depths, hidden_dims, num_classes):
    """Dict of name -> shape of the weights of a ConvNeXt."""
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
            shapes[f"{name}_layer_scale"] = (dim,)
    add_norm("head_norm", hidden_dims[-1])
    add("head", hidden_dims[-1], num_classes)
    return shapes
