"""Encoder and decoder together: what is trained, and what presets publish."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_sphere.class_names import read_class_names
from keras_sphere.condition_rows import ConditionRows
from keras_sphere.models.architecture import (
    new_motion,
    new_networks,
    read_architecture,
)
from keras_sphere.models.backbone_condition import BackboneCondition
from keras_sphere.models.kept_parts import KeptParts
from keras_sphere.models.program_export import ProgramExport
from keras_sphere.short_repr import ShortRepr
from keras_sphere.typing import Embed, Tensor
from keras_sphere.wide_floats import as_float


@keras.saving.register_keras_serializable(package="keras_sphere")
class SphereEncoderBackbone(
    ShortRepr, BackboneCondition, ProgramExport, KeptParts, keras.Model
):
    """The two networks of the Sphere Encoder, tensors in and tensors out.

    Calling it reconstructs: `decode(spherify(encode(images)))`. All weights exist
    as soon as it is constructed.

    Args:
        image_size: Integer. Height and width of the images, in pixels.
        patch_size: Integer that divides `image_size`. Side of a patch.
        token_channels: Integer. Channels of a latent token.
        num_channels: Integer. 3 for color, 1 for grayscale.
        num_classes: Integer. 0 for an unconditional model.
        encoder_size: One of `"small"`, `"base"`, `"large"`, `"xlarge"`, `"huge"`,
            `"giant"`, or a dict of `hidden_dim`, `num_layers`, `num_heads` and
            optionally `in_context_start`.
        decoder_size: Likewise.
        pixel_head: `"linear"`, `"conv"` or `"patch"`. How tokens become pixels.
        encoder_mixer_depth: Integer. MLP-Mixer blocks at the end of the encoder.
        decoder_mixer_depth: Integer. MLP-Mixer blocks at the start of the decoder.
        mixer_affine: Boolean. Whether each mixer's last norm has a learned weight.
        num_in_context_tokens: Integer. Extra tokens that carry the condition.
        spherify_decoder_blocks: Boolean. Whether the decoder's tokens are brought
            back to RMS 1 after every block but the last.
        spherify_per_token: Boolean. Whether every latent token has a sphere of its
            own, instead of one for the whole latent.
        label_dropout: Float. Probability of training on the null class.
        rematerialize_every: Integer or `None`. Every so many transformer blocks,
            one computes its activations again in the backward pass instead of
            keeping them: less memory, more time, the same numbers. 1 is every
            block. It is no part of a preset.
        class_names: Sequence of strings, the names of the classes 0, 1, ..., or
            `None`. With them, names stand for ids in all that takes labels as NumPy
            arrays, such as `generate(labels=["bee"])`. They can be set later, too:
            `backbone.class_names = dataset.description.class_names`.
        motion: How noise moves a latent. `"addition"` is the paper's; `"rotation"` is
            that of Sphere Encoder 2, which has recipes of its own for all that follows.
        epsilon: Float. Of every norm and of the projection onto the sphere.
        qk_norm: Boolean. Whether queries and keys are normalised.
        path_dropout: Float in [0, 1). Stochastic depth in training.
        pixel_activation: `"tanh"`, `"linear"` or `"training_tanh"`. What bounds the
            decoder's pixels.
        conditional_encoder: Boolean. Whether the encoder is given the class, too.
        angle_condition: `None`, `"adaln"`, `"token"` or `"both"`. Whether, and how, the
            decoder is told how far its latent was moved.
        angle_condition_degrees: Float. The largest such angle.
        pretrained_encoder: `None`, or a frozen network in the encoder's place:
            `"dinov3_vits16plus"`, or a dict of arguments of `DINOv3Encoder`.
        condition_dim: Integer. Length of the vectors that the model is conditional on,
            such as embeddings of captions; 0 for none. With classes, too, the two are
            added.
        embedder: What makes such vectors of texts: a callable from a list of strings to
            an array, or the name of one that ships, such as `"hashing_256"`, or `None`.
            Files keep its name. It can be set later, too.
        has_encoder: Boolean. Without an encoder the model generates in one step, and
            decodes; there is nothing else it can do.
        position_grid: Integer or `None`. Tokens per side of the grid that rotary
            positions are those of, if it is another one than the tokens': that of the
            model whose weights were resized for this one.
        **kwargs: Arguments of `keras.Model`, such as `dtype`.

    Call arguments:
        images: Float tensor of shape `(batch, image_size, image_size, channels)`,
            in [-1, 1].
        labels: Integer tensor of shape `(batch,)`, or with a `condition_dim` rows as
            `condition_rows.pack` makes them; `None` is the null class and vector.
        training: Boolean. Whether labels are dropped.

    Returns:
        Images of the same shape, by tanh in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> backbone = SphereEncoderBackbone(32, 2, token_channels=8, num_classes=10)
    >>> latents = backbone.spherify(backbone.encode(images, labels))
    >>> images = backbone.decode(latents, labels)

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030)
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        token_channels: int,
        num_channels: int = 3,
        num_classes: int = 0,
        encoder_size: str | Mapping[str, int] = "base",
        decoder_size: str | Mapping[str, int] = "base",
        pixel_head: str = "linear",
        encoder_mixer_depth: int = 2,
        decoder_mixer_depth: int = 2,
        mixer_affine: bool = True,
        num_in_context_tokens: int = 0,
        spherify_decoder_blocks: bool = False,
        spherify_per_token: bool = False,
        label_dropout: float = 0.1,
        rematerialize_every: int | None = None,
        class_names: Sequence[str] | None = None,
        motion: str = "addition",
        epsilon: float = 1e-6,
        qk_norm: bool = False,
        path_dropout: float = 0.0,
        pixel_activation: str = "tanh",
        conditional_encoder: bool = True,
        angle_condition: str | None = None,
        angle_condition_degrees: float = 90.0,
        pretrained_encoder: str | Mapping[str, Any] | None = None,
        has_encoder: bool = True,
        position_grid: int | None = None,
        condition_dim: int = 0,
        embedder: str | Embed | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", "backbone")
        super().__init__(**kwargs)
        self._arguments = read_architecture(
            {
                "image_size": image_size,
                "patch_size": patch_size,
                "token_channels": token_channels,
                "num_channels": num_channels,
                "num_classes": num_classes,
                "encoder_size": encoder_size,
                "decoder_size": decoder_size,
                "pixel_head": pixel_head,
                "encoder_mixer_depth": encoder_mixer_depth,
                "decoder_mixer_depth": decoder_mixer_depth,
                "mixer_affine": mixer_affine,
                "num_in_context_tokens": num_in_context_tokens,
                "spherify_decoder_blocks": spherify_decoder_blocks,
                "spherify_per_token": spherify_per_token,
                "label_dropout": label_dropout,
                "rematerialize_every": rematerialize_every,
                "motion": motion,
                "epsilon": epsilon,
                "qk_norm": qk_norm,
                "path_dropout": path_dropout,
                "pixel_activation": pixel_activation,
                "conditional_encoder": conditional_encoder,
                "angle_condition": angle_condition,
                "angle_condition_degrees": angle_condition_degrees,
                "pretrained_encoder": pretrained_encoder,
                "has_encoder": has_encoder,
                "position_grid": position_grid,
                "condition_dim": condition_dim,
            }
        )
        self.image_size = self._arguments["image_size"]
        self.num_channels = self._arguments["num_channels"]
        self.num_classes = self._arguments["num_classes"]
        self._arguments["class_names"] = read_class_names(class_names, self.num_classes)
        self.condition_rows = ConditionRows(
            self.num_classes, self._arguments["condition_dim"]
        )
        self.embedder = embedder
        self.spherify_per_token = self._arguments["spherify_per_token"]
        self.tells_angle = self._arguments["angle_condition"] is not None
        self.motion = new_motion(self._arguments)
        self.num_tokens = (self.image_size // self._arguments["patch_size"]) ** 2
        self.token_channels = self._arguments["token_channels"]
        self.encoder, self.decoder = new_networks(self.dtype_policy, self._arguments)
        self.build((None, self.image_size, self.image_size, self.num_channels))

    def _facts(self):
        shape = (self.image_size, self.image_size, self.num_channels)
        return {
            "images": " x ".join(map(str, shape)),
            "classes": self.num_classes or "none",
            **({"vectors": self.condition_dim} if self.condition_dim else {}),
            "latents": " x ".join(map(str, self.latent_shape)),
            "parameters": f"{self.count_params():,}",
            "noise": self._arguments["motion"],
        }

    def build(self, input_shape):
        if self.decoder.built:
            return
        if self.encoder is not None:
            self.encoder.build((None, *input_shape[1:]))
        self.decoder.build((None, self.num_tokens, self.token_channels))

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, a tuple of strings, or `None` if nobody said them."""
        names = self._arguments["class_names"]
        return None if names is None else tuple(names)

    @class_names.setter
    def class_names(self, class_names: Sequence[str] | None) -> None:
        names = read_class_names(class_names, self.num_classes)
        self._arguments["class_names"] = names

    @property
    def architecture(self) -> dict[str, Any]:
        """The arguments of this backbone, as plain values, in a new dict."""
        return dict(self._arguments)

    @property
    def latent_shape(self) -> tuple[int, int]:
        """Shape of one latent, `(num_tokens, token_channels)`."""
        return (self.num_tokens, self.token_channels)

    def require_encoder(self, what: str) -> None:
        """Raises a `ValueError` if there is no encoder.

        Args:
            what: String. What needs one, for the message.
        """
        if self.encoder is None:
            raise ValueError(
                f"{what} needs the encoder, and this model has its decoder only: "
                "`generate(steps=1)` and `decode` are what it can do. The other part "
                "comes with the weights that the preset was converted from: convert "
                'them with `part="all"`. Received: has_encoder=False'
            )

    def spherify(self, latents: Tensor) -> Tensor:
        """Projects latents onto the sphere of this model; see `geometry.spherify`."""
        return self.motion.project(latents)

    def perturb(
        self, sphere_latents: Tensor, noise: Tensor, strength: float | Tensor
    ) -> Tensor:
        """Moves points by noise, as this model does; see `keras_sphere.motions`."""
        return self.motion.move(sphere_latents, noise, strength)

    def encode(
        self, images: Tensor, labels: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """Images to latents, before projection onto the sphere.

        Args:
            images: Float tensor of shape `(batch, height, width, channels)`, in
                [-1, 1].
            labels: Integer tensor of shape `(batch,)`, in [0, num_classes], where
                `num_classes` is the null class, or rows (see the class); `None` is all
                null. An encoder that is not conditional does without.
            training: Boolean. Whether labels are dropped.

        Returns:
            Float tensor of shape `(batch, num_tokens, token_channels)`, float32 or
            wider.
        """
        self.require_encoder("`encode`")
        labels = labels if self._arguments["conditional_encoder"] else None
        return as_float(self.encoder(images, labels, training=training))

    def decode(
        self,
        sphere_latents: Tensor,
        labels: Tensor | None = None,
        training: bool = False,
        angles: Tensor | None = None,
    ) -> Tensor:
        """Points of the sphere to images.

        Args:
            sphere_latents: Float tensor of shape
                `(batch, num_tokens, token_channels)`, on the sphere.
            labels: As for `encode`.
            training: Boolean. Whether labels are dropped.
            angles: Float tensor of shape `(batch,)` or `()`, radians by which noise
                moved the points. Only a decoder with an angle condition is told.

        Returns:
            Images of shape `(batch, height, width, channels)`, float32 or wider, by
            tanh in [-1, 1].
        """
        if self.tells_angle:
            batch = keras.ops.shape(sphere_latents)[:1]
            angles = keras.ops.broadcast_to(as_float(angles), batch)
        else:
            angles = None
        return as_float(self.decoder(sphere_latents, labels, angles, training=training))

    def call(self, images, labels=None, training=False):
        latents = self.spherify(self.encode(images, labels, training))
        return self.decode(latents, labels, training, angles=0.0)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def compute_output_spec(self, images, *args, **kwargs):
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        return keras.KerasTensor(self.compute_output_shape(images.shape), dtype)

    def get_config(self):
        return {**super().get_config(), **self._arguments}
