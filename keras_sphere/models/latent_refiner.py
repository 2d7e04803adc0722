"""A small network in place of decoder and encoder between the steps of generation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras

from keras_sphere.choices import GUIDANCE_POSITIONS
from keras_sphere.layers import Dense
from keras_sphere.models.file_saving import FileSaving
from keras_sphere.models.inference import current_weights
from keras_sphere.models.latent_map import condition_of, default_range
from keras_sphere.models.refiner_size import size_of_share
from keras_sphere.models.teacher_fingerprint import teacher_fingerprint
from keras_sphere.models.vision_transformer import VisionTransformer
from keras_sphere.motions import MOTIONS
from keras_sphere.validation import (
    check_choice,
    if_given,
    read_boolean,
    read_integer,
    read_positive,
    read_share,
)
from keras_sphere.wide_floats import as_float

if TYPE_CHECKING:
    from keras_sphere.models.sphere_encoder_model import SphereEncoderModel

CONDITIONS = ("guidance_scale", "angle_degrees")


@keras.saving.register_keras_serializable(package="keras_sphere")
class LatentRefiner(FileSaving, keras.Model):
    """Points of the sphere to what decoding and encoding again would make of them.

    A transformer on the tokens of the latent. `keras_sphere.training.distill` teaches
    it the map `f(encode(decode(v)))` of a trained model, with guidance where noise is
    added; `model.generate(refiner=...)` then decodes once, at the end.

    Args:
        hidden_dim: Integer. Width of every token.
        num_layers: Integer. Number of blocks.
        num_heads: Integer.
        grid_size: Integer. Tokens per side.
        token_channels: Integer. Channels of a latent token.
        num_classes: Integer. 0 for a model without classes.
        condition: What else it is told: `"guidance_scale"` of a model whose noise is
            added, `"angle_degrees"` of one whose decoder is told an angle, or `None`.
        condition_range: Pair of floats, the values of it that are taught, or `None`.
        guidance_position: Where the teacher's guidance acts, or `None`.
        spherify_per_token: Boolean. See `SphereEncoderBackbone`.
        epsilon: Float. Of every norm and of the projection onto the sphere.
        teacher: String. Checksum of the model that teaches it, or `None`.
        condition_dim: Integer. Length of the vectors that the model is conditional on.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        points: Float tensor of shape `(batch, grid_size**2, token_channels)`, on the
            sphere.
        labels: Integer tensor of shape `(batch,)`, or weights of classes, or rows (see
            `ConditionRows`); `None` is the null class, and vector.
        condition: Float tensor of shape `(batch,)` or `()`; `None` if there is none.

    Returns:
        Points of the same shape, float32 or wider.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> model = keras_sphere.presets.load("digits16")
    >>> refiner = LatentRefiner.of(model, share=0.25)
    >>> run = keras_sphere.training.distill(
    ...     model, refiner, epochs=20, steps_per_epoch=100, output_dir="runs/quarter"
    ... )
    >>> images = model.generate(labels=[3, 7], refiner=refiner)
    """

    def __init__(
        self,
        hidden_dim: int,
        num_layers: int,
        num_heads: int,
        grid_size: int,
        token_channels: int,
        num_classes: int = 0,
        condition: str | None = None,
        condition_range: tuple[float, float] | None = None,
        guidance_position: str | None = None,
        spherify_per_token: bool = False,
        epsilon: float = 1e-6,
        teacher: str | None = None,
        condition_dim: int = 0,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", "refiner")
        super().__init__(**kwargs)
        self.autocast = False  # points stay in float32
        self.grid_size = read_integer("grid_size", grid_size)
        self.token_channels = read_integer("token_channels", token_channels)
        self.num_classes = read_integer("num_classes", num_classes, least=0)
        self.condition_dim = read_integer("condition_dim", condition_dim, least=0)
        check_choice("condition", condition, (None, *CONDITIONS))
        self.condition = condition
        self.condition_range = read_range(condition, condition_range)
        check_choice(
            "guidance_position", guidance_position, (None, *GUIDANCE_POSITIONS)
        )
        self.guidance_position = guidance_position
        self.spherify_per_token = read_boolean("spherify_per_token", spherify_per_token)
        self.epsilon = read_positive("epsilon", epsilon)
        self.teacher = teacher
        self._sphere = MOTIONS["addition"](self.spherify_per_token, self.epsilon)
        self.embedding = Dense(
            read_integer("hidden_dim", hidden_dim),
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.transformer = VisionTransformer(
            hidden_dim,
            num_layers,
            num_heads,
            in_context_start=0,
            grid_size=self.grid_size,
            output_dim=self.token_channels,
            num_classes=self.num_classes,
            label_dropout=0.0,
            epsilon=self.epsilon,
            angle_condition=None if condition is None else "adaln",
            condition_dim=self.condition_dim,
            dtype=self.dtype_policy,
            name="transformer",
        )
        self.build()

    @classmethod
    def of(
        cls,
        model: SphereEncoderModel,
        share: float = 0.25,
        condition_range: tuple[float, float] | None = None,
        size: Mapping[str, int] | None = None,
        use_ema: bool | None = None,
        **kwargs: Any,
    ) -> LatentRefiner:
        """A new refiner for a model, which knows that model from then on.

        Args:
            model: `SphereEncoderModel`, trained.
            share: Float above 0, at most 1: about how many parameters it has, as a
                share of those of the decoder.
            condition_range: Pair of floats: the guidance scales that it will know, by
                default 1 to 2 or beyond the model's own, or the angles that the decoder
                is told, in degrees, by default from 15 below the model's own.
            size: Dict of `hidden_dim`, `num_layers` and `num_heads` in place of
                `share`.
            use_ema: Boolean or `None` for the model's default: which weights teach.
            **kwargs: Arguments of `keras.Model`.

        Raises:
            ValueError: If the model has no encoder, or an argument is out of range.
        """
        backbone = model.backbone
        use_ema = if_given(read_boolean, "use_ema", use_ema)
        use_ema = model.sampling.use_ema if use_ema is None else use_ema
        arguments = {**arguments_of(backbone), **kwargs}
        if arguments["condition"] is not None:
            given = condition_range is not None
            condition_range = condition_range if given else default_range(model)
            arguments["condition_range"] = condition_range
        if arguments["condition"] == "guidance_scale":
            arguments["guidance_position"] = model.sampling.guidance_position
        weights = current_weights(model, use_ema)
        arguments["teacher"] = teacher_fingerprint(backbone, weights)
        if size is None:
            share = read_positive("share", read_share("share", share))
            size = size_of_share(backbone, share, lambda **s: cls(**s, **arguments))
        return cls(**size, **arguments)

    def build(self, input_shape=None):
        if self.built:
            return
        shape = (None, self.grid_size**2, self.token_channels)
        self.embedding.build(shape)
        self.transformer.build((*shape[:2], self.transformer.hidden_dim))
        self.built = True

    def call(self, points, labels=None, condition=None):
        points = as_float(points)
        tokens = self.transformer(
            self.embedding(keras.ops.cast(points, self.compute_dtype)),
            labels if self.transformer.rows.width else None,
            self._as_angles(condition, keras.ops.shape(points)[:1]),
        )
        return self._sphere.project(points + as_float(tokens))

    def _as_angles(self, condition, batch):
        """The condition as the angle that the transformer tells apart, 0 to 90."""
        if self.condition is None:
            return None
        low, high = self.condition_range
        share = (as_float(condition) - low) / max(high - low, 1e-6)
        return keras.ops.broadcast_to(share * (math.pi / 2.0), batch)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        transformer = self.transformer
        return {
            **super().get_config(),
            "hidden_dim": transformer.hidden_dim,
            "num_layers": transformer.num_layers,
            "num_heads": transformer.num_heads,
            **{name: getattr(self, name) for name in _SHARED},
            "condition_range": self.condition_range and list(self.condition_range),
        }


def arguments_of(backbone):
    """The arguments of a refiner that the architecture of its teacher decides.

    Raises:
        ValueError: If there is no encoder, and so no map to teach.
    """
    backbone.require_encoder("A refiner")
    architecture = backbone.architecture
    return {
        "grid_size": math.isqrt(backbone.num_tokens),
        "token_channels": backbone.token_channels,
        "num_classes": backbone.num_classes,
        "condition_dim": backbone.condition_dim,
        "condition": condition_of(backbone),
        "spherify_per_token": architecture["spherify_per_token"],
        "epsilon": architecture["epsilon"],
        "dtype": backbone.dtype_policy,
    }


_SHARED = (
    "grid_size",
    "token_channels",
    "num_classes",
    "condition_dim",
    "condition",
    "guidance_position",
    "spherify_per_token",
    "epsilon",
    "teacher",
)


def read_range(condition, values):
    """A range of a condition as a pair of floats, or `None` without a condition."""
    if condition is None:
        return None
    least, most = (1.0, math.inf) if condition == "guidance_scale" else (0.0, 90.0)
    try:
        low, high = (float(value) for value in values)
    except (TypeError, ValueError):
        low = high = math.nan
    if not least <= low <= high <= most or math.isinf(high):
        raise ValueError(
            f"`condition_range` of {condition} must be two numbers, ascending, from "
            f"{least:g}{'' if math.isinf(most) else f' to {most:g}'}. Received: "
            f"condition_range={values!r}"
        )
    return low, high
