"""Tokens to pixels: the two ways in which the decoder ends."""

import math
from typing import Any

import keras

from keras_sphere.choices import PIXEL_ACTIVATIONS
from keras_sphere.layers.initializers import FlattenedGlorotUniform
from keras_sphere.validation import check_choice, read_integer

# Where outputs go beyond [-1, 1], the tanh of training reaches 1 at 1.5.
_TRAINING_TANH_SCALE = 1.0 / math.tanh(1.5)


def pixel_activation(images, activation, training=False):
    """What the heads make of their last sums.

    Args:
        images: Float tensor.
        activation: `"tanh"`; `"linear"`, which leaves them unbounded; or
            `"training_tanh"`, `tanh(x) / tanh(1.5)` in training and linear otherwise.
        training: Boolean.

    Returns:
        Float tensor of the same shape.
    """
    if activation == "tanh":
        return keras.ops.tanh(images)
    if activation == "training_tanh" and training:
        return _TRAINING_TANH_SCALE * keras.ops.tanh(images)
    return images


def reflect_pad(grid):
    """Pads height and width by one pixel, mirrored about the edge pixel."""
    return keras.ops.pad(grid, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")


def grid_side(num_tokens):
    """Tokens per side of a square grid.

    Args:
        num_tokens: Integer.

    Returns:
        Integer.

    Raises:
        ValueError: If `num_tokens` is not a square.
    """
    side = math.isqrt(num_tokens)
    if side**2 != num_tokens:
        raise ValueError(
            f"Expected a square number of tokens. Received: num_tokens={num_tokens}"
        )
    return side


def unpatchify(tokens, grid_size, patch_size, num_channels):
    """Puts the pixels of every token in their place.

    Args:
        tokens: Float tensor of shape `(batch, grid**2, channels * patch**2)`; in a
            token the color is outermost, then the row, then the column.
        grid_size: Integer. Tokens per side.
        patch_size: Integer. Side of a patch, in pixels.
        num_channels: Integer. Colors.

    Returns:
        Float tensor of shape `(batch, grid * patch, grid * patch, num_channels)`.
    """
    ops = keras.ops
    side = grid_size * patch_size
    pixels = (num_channels, patch_size, patch_size)
    x = ops.reshape(tokens, (-1, grid_size, grid_size, *pixels))
    x = ops.transpose(x, (0, 1, 4, 2, 5, 3))
    return ops.reshape(x, (-1, side, side, num_channels))


class PixelHead(keras.layers.Layer):
    """What all heads share: their arguments, input and output shapes."""

    def __init__(
        self,
        patch_size: int,
        num_channels: int = 3,
        activation: str = "tanh",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.patch_size = read_integer("patch_size", patch_size)
        self.num_channels = read_integer("num_channels", num_channels)
        check_choice("activation", activation, PIXEL_ACTIVATIONS)
        self.activation = activation

    def call(self, tokens, training=False):
        return pixel_activation(self._pixels(tokens), self.activation, training)

    def _convolution(self, layer_class, *args, **kwargs):
        return layer_class(
            *args,
            data_format="channels_last",
            kernel_initializer=FlattenedGlorotUniform(gain=0.01),
            dtype=self.dtype_policy,
            **kwargs,
        )

    def compute_output_shape(self, input_shape):
        side = grid_side(input_shape[1]) * self.patch_size
        return (input_shape[0], side, side, self.num_channels)

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "num_channels": self.num_channels,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable(package="keras_sphere")
class PatchPixelHead(PixelHead):
    """Unpatchify and the activation: every token is its patch.

    Args:
        patch_size: Integer. Side of a patch, in pixels.
        num_channels: Integer. Colors of the image.
        activation: `"tanh"`, `"linear"` or `"training_tanh"`; see `pixel_activation`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape
            `(batch, num_tokens, head.token_channels)`.
        training: Boolean.

    Returns:
        Images of shape `(batch, side, side, num_channels)`, by tanh in [-1, 1].
    """

    @property
    def token_channels(self) -> int:
        return self.num_channels * self.patch_size**2

    def build(self, input_shape):
        self.grid_size = grid_side(input_shape[1])

    def _pixels(self, tokens):
        return unpatchify(tokens, self.grid_size, self.patch_size, self.num_channels)


@keras.saving.register_keras_serializable(package="keras_sphere")
class LinearPixelHead(PatchPixelHead):
    """Unpatchify, a 3x3 convolution with reflected edges, the activation.

    Args:
        patch_size: Integer. Side of a patch, in pixels.
        num_channels: Integer. Colors of the image.
        activation: `"tanh"`, `"linear"` or `"training_tanh"`; see `pixel_activation`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape
            `(batch, num_tokens, head.token_channels)`.
        training: Boolean.

    Returns:
        Images of shape `(batch, side, side, num_channels)`, by tanh in [-1, 1].
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.smooth = self._convolution(
            keras.layers.Conv2D, self.num_channels, 3, name="smooth"
        )
        self.smooth.build((None, None, None, self.num_channels))

    def _pixels(self, tokens):
        return self.smooth(reflect_pad(super()._pixels(tokens)))


@keras.saving.register_keras_serializable(package="keras_sphere")
class ConvPixelHead(PixelHead):
    """A 3x3 convolution on tokens, SiLU, a transposed convolution, the activation.

    Args:
        patch_size: Integer. Side of a patch, in pixels.
        num_channels: Integer. Colors of the image.
        activation: `"tanh"`, `"linear"` or `"training_tanh"`; see `pixel_activation`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        tokens: Float tensor of shape
            `(batch, num_tokens, head.token_channels)`.
        training: Boolean.

    Returns:
        Images of shape `(batch, side, side, num_channels)`, by tanh in [-1, 1].
    """

    token_channels = 32

    def build(self, input_shape):
        self.grid_size = grid_side(input_shape[1])
        self.smooth = self._convolution(
            keras.layers.Conv2D, self.token_channels, 3, name="smooth"
        )
        self.upsample = self._convolution(
            keras.layers.Conv2DTranspose,
            self.num_channels,
            self.patch_size + 2,
            strides=self.patch_size,
            padding="same",
            name="upsample",
        )
        for layer in (self.smooth, self.upsample):
            layer.build((None, None, None, self.token_channels))

    def _pixels(self, tokens):
        shape = (-1, self.grid_size, self.grid_size, self.token_channels)
        grid = keras.ops.reshape(tokens, shape)
        grid = keras.ops.silu(self.smooth(reflect_pad(grid)))
        return self.upsample(grid)
