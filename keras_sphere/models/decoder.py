"""Points of the sphere to images."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_sphere.layers import (
    ConvPixelHead,
    Dense,
    LinearPixelHead,
    MLPMixer,
    PatchPixelHead,
)
from keras_sphere.models.kept_parts import KeptParts
from keras_sphere.models.program_export import ProgramExport
from keras_sphere.models.vision_transformer import VisionTransformer
from keras_sphere.validation import (
    check_choice,
    plain,
    read_boolean,
    read_integer,
    read_positive,
)

PIXEL_HEADS = {
    "linear": LinearPixelHead,
    "conv": ConvPixelHead,
    "patch": PatchPixelHead,
}


@keras.saving.register_keras_serializable(package="keras_sphere")
class Decoder(ProgramExport, KeptParts, keras.layers.Layer):
    """Dense embedding and MLP-Mixer, vision transformer, and a pixel head.

    The embedding's dense layers, its mixer's included, start from a normal
    distribution.

    Args:
        patch_size: Integer. Side of a patch, in pixels.
        num_channels: Integer. Colors of the image.
        transformer: Dict of arguments of `VisionTransformer`, without `output_dim`.
        pixel_head: `"linear"`, `"conv"` or `"patch"`.
        mixer_depth: Integer. Blocks of the mixer; 0 for none.
        mixer_affine: Boolean. Whether the mixer's last norm has a weight.
        activation: String. See `layers.pixel_heads.pixel_activation`.
        embedding_stddev: Float. Standard deviation of the embedding at the start.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        latents: Float tensor of shape `(batch, num_tokens, token_channels)`, on the
            sphere.
        labels: Integer tensor of shape `(batch,)`; `None` is the null class.
        angles: Float tensor of shape `(batch,)`, radians: how noisy the latents are,
            where the decoder is told; `None` elsewhere.
        training: Boolean. Whether labels are dropped.

    Returns:
        Images of shape `(batch, height, width, num_channels)`, by tanh in [-1, 1].
    """

    def __init__(
        self,
        patch_size: int,
        num_channels: int,
        transformer: Mapping[str, Any],
        pixel_head: str = "linear",
        mixer_depth: int = 0,
        mixer_affine: bool = True,
        activation: str = "tanh",
        embedding_stddev: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.patch_size = read_integer("patch_size", patch_size)
        self.num_channels = read_integer("num_channels", num_channels)
        self.transformer_config = {k: plain(v) for k, v in transformer.items()}
        check_choice("pixel_head", pixel_head, PIXEL_HEADS)
        self.pixel_head = pixel_head
        self.mixer_depth = read_integer("mixer_depth", mixer_depth, least=0)
        self.mixer_affine = read_boolean("mixer_affine", mixer_affine)
        self.activation = activation
        self.embedding_stddev = read_positive("embedding_stddev", embedding_stddev)

    def build(self, input_shape):
        policy = self.dtype_policy
        token_shape = (*input_shape[:2], self.transformer_config["hidden_dim"])
        self.embedding = Dense(
            token_shape[-1],
            kernel_initializer=self._normal(),
            dtype=policy,
            name="embedding",
        )
        self.embedding.build(input_shape)
        if self.mixer_depth:
            self.mixer = MLPMixer(
                self.mixer_depth,
                self.mixer_affine,
                kernel_initializer=self._normal(),
                dtype=policy,
                name="mixer",
            )
            self.mixer.build(token_shape)
        self.head = PIXEL_HEADS[self.pixel_head](
            self.patch_size,
            self.num_channels,
            self.activation,
            dtype=policy,
            name="pixel_head",
        )
        self.transformer = VisionTransformer(
            **self.transformer_config,
            output_dim=self.head.token_channels,
            dtype=policy,
            name="transformer",
        )
        self.transformer.build(token_shape)
        self.head.build(self.transformer.compute_output_shape(token_shape))
        self.restore_parts()

    def _normal(self):
        return keras.initializers.RandomNormal(stddev=self.embedding_stddev)

    def call(self, latents, labels=None, angles=None, training=False):
        tokens = self.embedding(latents)
        if self.mixer_depth:
            tokens = self.mixer(tokens)
        tokens = self.transformer(tokens, labels, angles, training=training)
        return self.head(tokens, training=training)

    def compute_output_shape(self, input_shape):
        side = self.transformer_config["grid_size"] * self.patch_size
        return (input_shape[0], side, side, self.num_channels)

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "num_channels": self.num_channels,
            "transformer": self.transformer_config,
            "pixel_head": self.pixel_head,
            "mixer_depth": self.mixer_depth,
            "mixer_affine": self.mixer_affine,
            "activation": self.activation,
            "embedding_stddev": self.embedding_stddev,
        }
