"""Noise that grows while a training begins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras

from keras_sphere.validation import read_angle_degrees, read_integer

INITIAL_DEGREES = 20.0
SETTINGS = ("steps", "initial_degrees")


@keras.saving.register_keras_serializable(package="keras_sphere")
class AngleWarmup(keras.layers.Layer):
    """How strong noise is, by its strength later, over the first steps of a training.

    The largest angle rises evenly. Under strong noise encoder and decoder agree first
    on what survives it, such as which patches are not background, and may stay there;
    what they have learned under weak noise they keep when it grows. Not part of the
    paper: measured in docs/own_images.md.

    Args:
        max_angle_degrees: Float in (0, 90). The largest angle after the first steps.
        steps: Integer. Training steps (batches) until then.
        initial_degrees: Float in (0, `max_angle_degrees`]. The largest angle of the
            first step.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        training: Boolean. Whether the step is one of training, and counted.

    Returns:
        Float32 scalar in (0, 1]; 1 where `training` is false.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        max_angle_degrees: float,
        steps: int,
        initial_degrees: float = INITIAL_DEGREES,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.max_angle_degrees = read_angle_degrees(
            "max_angle_degrees", max_angle_degrees
        )
        self.steps = read_integer("steps", steps)
        self.initial_degrees = read_angle_degrees("initial_degrees", initial_degrees)
        if self.initial_degrees > self.max_angle_degrees:
            raise ValueError(
                "`initial_degrees` must be at most `max_angle_degrees`="
                f"{max_angle_degrees}. Received: initial_degrees={initial_degrees}"
            )

    def build(self, input_shape=None):
        self.steps_done = self.add_weight(
            name="steps_done",
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.built = True

    def call(self, training=False):
        if not training:
            return keras.ops.ones((), "float32")
        share = keras.ops.cast(self.steps_done, "float32") / self.steps
        self.steps_done.assign_add(1)
        first, last = map(math.radians, (self.initial_degrees, self.max_angle_degrees))
        strength = keras.ops.tan(first + share * (last - first)) / math.tan(last)
        return keras.ops.where(share < 1.0, strength, 1.0)

    def compute_output_shape(self, *args, **kwargs):
        return ()

    def settings(self) -> dict[str, Any]:
        """What `SphereEncoderModel(angle_warmup=...)` takes."""
        return {name: getattr(self, name) for name in SETTINGS}


def new_angle_warmup(
    settings: Mapping[str, Any] | None, max_angle_degrees: float
) -> AngleWarmup | None:
    """The layer of the argument `angle_warmup` of the model.

    Args:
        settings: Dict of `steps`, and perhaps `initial_degrees`, or `None`.
        max_angle_degrees: Float in (0, 90).

    Raises:
        ValueError: If `settings` is no such dict, or a value is out of range.
    """
    if settings is None:
        return None
    if (
        not isinstance(settings, Mapping)
        or "steps" not in settings
        or not set(settings) <= set(SETTINGS)
    ):
        raise ValueError(
            "`angle_warmup` must be None or a dict of `steps` and perhaps "
            f"`initial_degrees`. Received: angle_warmup={settings!r}"
        )
    return AngleWarmup(max_angle_degrees, **settings, name="angle_warmup")
