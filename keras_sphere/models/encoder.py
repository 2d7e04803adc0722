"""Images to latents."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_sphere.layers import MLPMixer, PatchEmbedding
from keras_sphere.models.kept_parts import KeptParts
from keras_sphere.models.program_export import ProgramExport
from keras_sphere.models.vision_transformer import VisionTransformer
from keras_sphere.validation import plain, read_boolean, read_integer


@keras.saving.register_keras_serializable(package="keras_sphere")
class Encoder(ProgramExport, KeptParts, keras.layers.Layer):
    """Patch embedding, vision transformer, and an MLP-Mixer over the latent.

    Args:
        patch_size: Integer. Side of a patch, in pixels.
        token_channels: Integer. Channels of a latent token.
        transformer: Dict of arguments of `VisionTransformer`, without `output_dim`.
        mixer_depth: Integer. Blocks of the mixer; 0 for none.
        mixer_affine: Boolean. Whether the mixer's last norm has a weight.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)`, in
            [-1, 1].
        labels: Integer tensor of shape `(batch,)`; `None` is the null class.
        training: Boolean. Whether labels are dropped.

    Returns:
        Latents before projection onto the sphere, a float tensor of shape
        `(batch, num_tokens, token_channels)`.
    """

    def __init__(
        self,
        patch_size: int,
        token_channels: int,
        transformer: Mapping[str, Any],
        mixer_depth: int = 0,
        mixer_affine: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.patch_size = read_integer("patch_size", patch_size)
        self.token_channels = read_integer("token_channels", token_channels)
        self.transformer_config = {k: plain(v) for k, v in transformer.items()}
        self.mixer_depth = read_integer("mixer_depth", mixer_depth, least=0)
        self.mixer_affine = read_boolean("mixer_affine", mixer_affine)

    def build(self, input_shape):
        policy = self.dtype_policy
        self.embedding = PatchEmbedding(
            self.patch_size,
            self.transformer_config["hidden_dim"],
            dtype=policy,
            name="patch_embedding",
        )
        self.embedding.build(input_shape)
        self.transformer = VisionTransformer(
            **self.transformer_config,
            output_dim=self.token_channels,
            dtype=policy,
            name="transformer",
        )
        self.transformer.build(self.embedding.compute_output_shape(input_shape))
        if self.mixer_depth:
            self.mixer = MLPMixer(
                self.mixer_depth, self.mixer_affine, dtype=policy, name="mixer"
            )
            self.mixer.build(self.compute_output_shape(input_shape))
        self.restore_parts()

    def call(self, images, labels=None, training=False):
        tokens = self.embedding(images)
        latents = self.transformer(tokens, labels, training=training)
        return self.mixer(latents) if self.mixer_depth else latents

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        num_tokens = (height // self.patch_size) * (width // self.patch_size)
        return (batch, num_tokens, self.token_channels)

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "token_channels": self.token_channels,
            "transformer": self.transformer_config,
            "mixer_depth": self.mixer_depth,
            "mixer_affine": self.mixer_affine,
        }
