"""Encoder and decoder together: what is trained, and what presets publish."""

import functools
import types

import keras

from keras_sphere import geometry
from keras_sphere.class_names import read_class_names
from keras_sphere.models.decoder import PIXEL_HEADS, Decoder
from keras_sphere.models.encoder import Encoder
from keras_sphere.models.kept_parts import KeptParts
from keras_sphere.models.program_export import ProgramExport
from keras_sphere.models.sizes import resolve_size
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_boolean,
    read_integer,
    read_share,
)


@keras.saving.register_keras_serializable(package="keras_sphere")
class SphereEncoderBackbone(ProgramExport, KeptParts, keras.Model):
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
        pixel_head: `"linear"` or `"conv"`. How tokens become pixels.
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
        **kwargs: Arguments of `keras.Model`, such as `dtype`.

    Call arguments:
        images: Float tensor of shape `(batch, image_size, image_size, channels)`,
            in [-1, 1].
        labels: Integer tensor of shape `(batch,)`; `None` is the null class.
        training: Boolean. Whether labels are dropped.

    Returns:
        Images of the same shape, in [-1, 1].

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
        image_size,
        patch_size,
        token_channels,
        num_channels=3,
        num_classes=0,
        encoder_size="base",
        decoder_size="base",
        pixel_head="linear",
        encoder_mixer_depth=2,
        decoder_mixer_depth=2,
        mixer_affine=True,
        num_in_context_tokens=0,
        spherify_decoder_blocks=False,
        spherify_per_token=False,
        label_dropout=0.1,
        rematerialize_every=None,
        class_names=None,
        **kwargs,
    ):
        kwargs.setdefault("name", "backbone")
        super().__init__(**kwargs)
        self._arguments = _read_arguments(
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
            }
        )
        self.image_size = self._arguments["image_size"]
        self.num_channels = self._arguments["num_channels"]
        self.num_classes = self._arguments["num_classes"]
        self._arguments["class_names"] = read_class_names(class_names, self.num_classes)
        self.spherify_per_token = self._arguments["spherify_per_token"]
        self.num_tokens = (self.image_size // self._arguments["patch_size"]) ** 2
        self.token_channels = self._arguments["token_channels"]
        self.encoder, self.decoder = _new_networks(self.dtype_policy, self._arguments)
        self.build((None, self.image_size, self.image_size, self.num_channels))

    def build(self, input_shape):
        if self.encoder.built:
            return
        self.encoder.build((None, *input_shape[1:]))
        self.decoder.build((None, self.num_tokens, self.token_channels))

    @property
    def class_names(self):
        """Names of the classes, a tuple of strings, or `None` if nobody said them."""
        names = self._arguments["class_names"]
        return None if names is None else tuple(names)

    @class_names.setter
    def class_names(self, class_names):
        names = read_class_names(class_names, self.num_classes)
        self._arguments["class_names"] = names

    @property
    def latent_shape(self):
        """Shape of one latent, `(num_tokens, token_channels)`."""
        return (self.num_tokens, self.token_channels)

    def spherify(self, latents):
        """Projects latents onto the sphere of this model; see `geometry.spherify`."""
        return geometry.spherify(latents, self.spherify_per_token)

    def perturb(self, sphere_latents, noise, sigma):
        """Adds noise on the sphere of this model; see `geometry.perturb`."""
        return geometry.perturb(sphere_latents, noise, sigma, self.spherify_per_token)

    def encode(self, images, labels=None, training=False):
        """Images to latents, before projection onto the sphere.

        Args:
            images: Float tensor of shape `(batch, height, width, channels)`, in
                [-1, 1].
            labels: Integer tensor of shape `(batch,)`, in [0, num_classes], where
                `num_classes` is the null class; `None` is all null.
            training: Boolean. Whether labels are dropped.

        Returns:
            Float tensor of shape `(batch, num_tokens, token_channels)`, float32 or
            wider.
        """
        return geometry.as_float(self.encoder(images, labels, training=training))

    def decode(self, sphere_latents, labels=None, training=False):
        """Points of the sphere to images.

        Args:
            sphere_latents: Float tensor of shape
                `(batch, num_tokens, token_channels)`, on the sphere.
            labels: As for `encode`.
            training: Boolean. Whether labels are dropped.

        Returns:
            Images in [-1, 1], of shape `(batch, height, width, channels)`, float32
            or wider.
        """
        return geometry.as_float(
            self.decoder(sphere_latents, labels, training=training)
        )

    def call(self, images, labels=None, training=False):
        latents = self.spherify(self.encode(images, labels, training))
        return self.decode(latents, labels, training)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def compute_output_spec(self, images, *args, **kwargs):
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        return keras.KerasTensor(self.compute_output_shape(images.shape), dtype)

    def get_config(self):
        return {**super().get_config(), **self._arguments}


def _new_networks(dtype, arguments):
    """Encoder and decoder of a backbone, from its arguments."""
    given = types.SimpleNamespace(**arguments)
    shared = {
        "grid_size": given.image_size // given.patch_size,
        "num_classes": given.num_classes,
        "num_in_context_tokens": given.num_in_context_tokens,
        "label_dropout": given.label_dropout,
        "rematerialize_every": given.rematerialize_every,
    }
    encoder = Encoder(
        given.patch_size,
        given.token_channels,
        {**resolve_size("encoder_size", given.encoder_size), **shared},
        mixer_depth=given.encoder_mixer_depth,
        mixer_affine=given.mixer_affine,
        dtype=dtype,
        name="encoder",
    )
    decoder = Decoder(
        given.patch_size,
        given.num_channels,
        {
            **resolve_size("decoder_size", given.decoder_size),
            **shared,
            "spherify_blocks": given.spherify_decoder_blocks,
        },
        pixel_head=given.pixel_head,
        mixer_depth=given.decoder_mixer_depth,
        mixer_affine=given.mixer_affine,
        dtype=dtype,
        name="decoder",
    )
    return encoder, decoder


def _read_arguments(arguments):
    """The arguments as plain Python values; raises a `ValueError` if one is wrong."""
    arguments = dict(arguments)
    for name, read in _READERS.items():
        arguments[name] = read(name, arguments[name])
    check_choice("pixel_head", arguments["pixel_head"], PIXEL_HEADS)
    image_size, patch_size = arguments["image_size"], arguments["patch_size"]
    if image_size % patch_size:
        raise ValueError(
            "`patch_size` must divide `image_size`. Received: "
            f"image_size={image_size}, patch_size={patch_size}"
        )
    if arguments["pixel_head"] == "conv" and image_size // patch_size < 2:
        raise ValueError(
            "The conv pixel head needs at least 2 x 2 tokens, to reflect at their "
            f"edges. Received: image_size={image_size}, patch_size={patch_size}"
        )
    return arguments


def _read_count(name, value):
    return read_integer(name, value, least=0)


def _read_size(name, size):
    """A size as it was given, of plain integers."""
    numbers = resolve_size(name, size)
    return {key: numbers[key] for key in size} if isinstance(size, dict) else size


_READERS = {
    **dict.fromkeys(
        ("image_size", "patch_size", "token_channels", "num_channels"), read_integer
    ),
    **dict.fromkeys(
        (
            "num_classes",
            "encoder_mixer_depth",
            "decoder_mixer_depth",
            "num_in_context_tokens",
        ),
        _read_count,
    ),
    **dict.fromkeys(("encoder_size", "decoder_size"), _read_size),
    **dict.fromkeys(
        ("mixer_affine", "spherify_decoder_blocks", "spherify_per_token"), read_boolean
    ),
    "label_dropout": read_share,
    "rematerialize_every": functools.partial(if_given, read_integer),
}
