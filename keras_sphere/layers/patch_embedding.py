"""Images to tokens."""

from typing import Any

import keras

from keras_sphere.layers.initializers import FlattenedGlorotUniform
from keras_sphere.validation import read_integer


@keras.saving.register_keras_serializable(package="keras_sphere")
class PatchEmbedding(keras.layers.Layer):
    """Turns an image into one token per patch, in row-major order.

    A convolution over non-overlapping patches without bias, then a 1x1
    convolution with bias.

    Args:
        patch_size: Integer. Side of a patch, in pixels.
        hidden_dim: Integer. Width of every token.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)`.

    Returns:
        Float tensor of shape `(batch, num_tokens, hidden_dim)`.

    Raises:
        ValueError: If the patch does not divide height and width.
    """

    def __init__(self, patch_size: int, hidden_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.patch_size = read_integer("patch_size", patch_size)
        self.hidden_dim = read_integer("hidden_dim", hidden_dim)
        self.patches = keras.layers.Conv2D(
            self.hidden_dim,
            self.patch_size,
            strides=self.patch_size,
            use_bias=False,
            data_format="channels_last",
            kernel_initializer=FlattenedGlorotUniform(),
            dtype=self.dtype_policy,
            name="patches",
        )
        self.projection = keras.layers.Conv2D(
            hidden_dim,
            1,
            data_format="channels_last",
            kernel_initializer=FlattenedGlorotUniform(),
            dtype=self.dtype_policy,
            name="projection",
        )

    def build(self, input_shape):
        _, height, width, _ = input_shape
        if height % self.patch_size or width % self.patch_size:
            raise ValueError(
                "`patch_size` must divide the height and width of the images. "
                f"Received: patch_size={self.patch_size}, image shape {input_shape}"
            )
        self.patches.build(input_shape)
        self.projection.build(self.patches.compute_output_shape(input_shape))

    def call(self, images):
        grid = self.projection(self.patches(images))
        return keras.ops.reshape(
            grid, (-1, grid.shape[1] * grid.shape[2], self.hidden_dim)
        )

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        num_tokens = (height // self.patch_size) * (width // self.patch_size)
        return (batch, num_tokens, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "hidden_dim": self.hidden_dim,
        }
