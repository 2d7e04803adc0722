"""Images to latents by a frozen DINOv3."""

from typing import Any

import keras
import numpy as np

from keras_sphere.layers import Dense, DINOv3Network
from keras_sphere.layers.wide_tensors import WideTensors
from keras_sphere.models.kept_parts import KeptParts
from keras_sphere.models.program_export import ProgramExport
from keras_sphere.perceptual.resizing import resize_bicubic, resize_bilinear
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_boolean,
    read_integer,
    read_positive,
)
from keras_sphere.wide_floats import as_float

INTERPOLATIONS = ("input", "tokens", "positions")
# Of ImageNet, in [0, 1].
_MEAN, _DEVIATION = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])


@keras.saving.register_keras_serializable(package="keras_sphere")
class DINOv3Encoder(ProgramExport, KeptParts, WideTensors, keras.layers.Layer):
    """A frozen DINOv3 in the place of `Encoder`: the encoder of Sphere Encoder 2.

    Images are brought to [0, 1], resized (bilinear, antialiased), clipped and
    normalized as for ImageNet; the tokens of their patches are the latents, without
    any class. The network is never trained, and computes the same in training as at
    inference; gradients reach the images through it.

    The arguments default to those of ViT-S/16+, `dinov3-vits16plus-pretrain-lvd1689m`.
    Its weights are not part of this package: they are Meta's, under the DINOv3 License,
    also where they come inside of files of another license.

    Args:
        hidden_dim: Integer. Width of every token.
        num_layers: Integer. Number of blocks.
        num_heads: Integer.
        patch_size: Integer. Side of a patch, in pixels of the resized image.
        mlp_dim: Integer. Inner width of the feed-forward layers.
        gated_mlp: Boolean. Whether they are gated by SiLU.
        num_register_tokens: Integer.
        input_size: Integer, a multiple of `patch_size`. Side that images are resized
            to, whatever theirs is.
        rope_theta: Float. Base of the frequencies of the rotary positions.
        epsilon: Float. Of the LayerNorms in the blocks.
        token_channels: Integer or `None`. With it, a dense layer, which is trained,
            gives latents of so many channels; without, they have `hidden_dim`.
        grid_size: Integer or `None`. Latent tokens per side; `None` for as many as
            there are patches.
        interpolate: What is fitted to an image size or grid of another size.
            `"input"`, the images: the grid must be that of the patches. `"tokens"`,
            also the tokens, bicubically, to `grid_size`. `"positions"`: images are not
            resized, and the positions of patches are relative to the image.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, 3)`, in [-1, 1].
        labels: Ignored: the encoder knows no classes.
        training: Ignored.

    Returns:
        Latents before projection onto the sphere, a tensor of float32 or wider of
        shape `(batch, grid_size**2, token_channels or hidden_dim)`.

    Raises:
        ValueError: If an argument is out of its range, `patch_size` does not divide
            what it must, the grid is not the one asked for, or the images have not
            three channels.

    Reference:
        - [DINOv3](https://arxiv.org/abs/2508.10104)
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208)
    """

    def __init__(
        self,
        hidden_dim: int = 384,
        num_layers: int = 12,
        num_heads: int = 6,
        patch_size: int = 16,
        mlp_dim: int = 1536,
        gated_mlp: bool = True,
        num_register_tokens: int = 4,
        input_size: int = 256,
        rope_theta: float = 100.0,
        epsilon: float = 1e-5,
        token_channels: int | None = None,
        grid_size: int | None = None,
        interpolate: str = "input",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = read_integer("hidden_dim", hidden_dim)
        self.num_layers = read_integer("num_layers", num_layers)
        self.num_heads = read_integer("num_heads", num_heads)
        self.patch_size = read_integer("patch_size", patch_size)
        self.mlp_dim = read_integer("mlp_dim", mlp_dim)
        self.gated_mlp = read_boolean("gated_mlp", gated_mlp)
        self.num_register_tokens = read_integer(
            "num_register_tokens", num_register_tokens, least=0
        )
        self.input_size = read_integer("input_size", input_size)
        self.rope_theta = read_positive("rope_theta", rope_theta)
        self.epsilon = read_positive("epsilon", epsilon)
        self.token_channels = if_given(read_integer, "token_channels", token_channels)
        self.grid_size = if_given(read_integer, "grid_size", grid_size)
        check_choice("interpolate", interpolate, INTERPOLATIONS)
        self.interpolate = interpolate
        if interpolate != "positions":
            self._grid_of(self.input_size)

    def _grid_of(self, image_size):
        """Latent tokens per side, for an image of this side; checks that it can be."""
        side = image_size if self.interpolate == "positions" else self.input_size
        patches, rest = divmod(side, self.patch_size)
        if rest:
            raise ValueError(
                "`patch_size` must divide the side of the images that DINOv3 sees. "
                f"Received: patch_size={self.patch_size}, a side of {side}"
            )
        grid_size = patches if self.grid_size is None else self.grid_size
        if grid_size != patches and self.interpolate != "tokens":
            raise ValueError(
                f"DINOv3 has {patches} x {patches} patches, which must be the grid of "
                'the latents, unless `interpolate` is "tokens". Received: '
                f"grid_size={grid_size}, interpolate={self.interpolate!r}"
            )
        return grid_size

    def build(self, input_shape):
        _, height, width, channels = input_shape
        if None in (height, width) or channels != 3:
            raise ValueError(
                "The images of DINOv3 must have a known size and 3 channels. "
                f"Received: shape {tuple(input_shape)}"
            )
        self._grid_of(height)
        self.network = DINOv3Network(
            self.hidden_dim,
            self.num_layers,
            self.num_heads,
            self.patch_size,
            self.mlp_dim,
            self.gated_mlp,
            self.num_register_tokens,
            self.rope_theta,
            self.epsilon,
            dtype=self.dtype_policy,
            name="network",
        )
        if self.interpolate != "positions":
            height = width = self.input_size
        self.network.build((None, height, width, channels))
        if self.token_channels:
            self.projection = Dense(
                self.token_channels, dtype=self.dtype_policy, name="projection"
            )
            self.projection.build((None, None, self.hidden_dim))
        self.restore_parts()

    def call(self, images, labels=None, training=False):
        tokens = self.network(self._prepare(images))
        if self.interpolate == "tokens":
            tokens = self._resample(tokens)
        return as_float(self.projection(tokens)) if self.token_channels else tokens

    def _prepare(self, images):
        x = images * 0.5 + 0.5
        if self.interpolate != "positions":
            x = resize_bilinear(x, self.input_size)
        x = keras.ops.clip(x, 0.0, 1.0)
        mean, deviation = (keras.ops.cast(v, x.dtype) for v in (_MEAN, _DEVIATION))
        return (x - mean) / deviation

    def _resample(self, tokens):
        patches, channels = self.input_size // self.patch_size, tokens.shape[-1]
        grid = keras.ops.reshape(tokens, (-1, patches, patches, channels))
        grid = resize_bicubic(grid, self._grid_of(self.input_size))
        return keras.ops.reshape(grid, (-1, grid.shape[1] * grid.shape[2], channels))

    def compute_output_shape(self, input_shape):
        num_tokens = self._grid_of(input_shape[1]) ** 2
        return (input_shape[0], num_tokens, self.token_channels or self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "patch_size": self.patch_size,
            "mlp_dim": self.mlp_dim,
            "gated_mlp": self.gated_mlp,
            "num_register_tokens": self.num_register_tokens,
            "input_size": self.input_size,
            "rope_theta": self.rope_theta,
            "epsilon": self.epsilon,
            "token_channels": self.token_channels,
            "grid_size": self.grid_size,
            "interpolate": self.interpolate,
        }
