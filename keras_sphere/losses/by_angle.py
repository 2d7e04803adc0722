"""Losses that count by the angle by which noise turned a latent."""

import math
from typing import Any

import keras

from keras_sphere.choices import REGIMES
from keras_sphere.losses.item_weights import balanced_weights
from keras_sphere.typing import Tensor
from keras_sphere.validation import check_choice, read_boolean, read_not_negative
from keras_sphere.wide_floats import as_float


def low_share(angles, cutoff_degrees, band_degrees, soft=True):
    """How much of an angle lies in the regime of low ones, in [0, 1].

    Softly `sigmoid(-(angle - cutoff) / (band / 4))`; else 1 up to the cutoff, and 0.

    Args:
        angles: Float tensor, radians.
        cutoff_degrees: Float.
        band_degrees: Float above 0.
        soft: Boolean.

    Returns:
        Tensor of the same shape.

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), regimes.
    """
    excess = as_float(angles) * (180.0 / math.pi) - cutoff_degrees
    if soft:
        return keras.ops.sigmoid(-excess / (band_degrees / 4.0))
    return keras.ops.cast(excess <= 0.0, excess.dtype)


@keras.saving.register_keras_serializable(package="keras_sphere")
class ByAngle(keras.losses.Loss):
    """A loss of images whose latents were turned by low, or by high, angles.

    Its mean over a batch is the weighted mean of the values of `loss`.

    Args:
        loss: `keras.losses.Loss` with one value per image.
        regime: `"low"`, `"high"` or `"all"`: which angles count.
        cutoff_degrees: Float. Where low angles end; see `low_share`.
        band_degrees: Float. How softly.
        soft: Boolean. Whether softly at all.
        name: String.
        **kwargs: Arguments of `keras.losses.Loss`.

    Call arguments:
        y_true: Dict of `value`, what `loss` takes, and `angles`.
        y_pred: Dict of `value`, and `angles`: tensor of shape `(batch,)`, radians.
    """

    def __init__(
        self,
        loss: keras.losses.Loss,
        regime: str = "all",
        cutoff_degrees: float = 70.0,
        band_degrees: float = 5.0,
        soft: bool = True,
        name: str = "by_angle",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        check_choice("regime", regime, REGIMES)
        self.loss = loss
        self.regime = regime
        self.cutoff_degrees = read_not_negative("cutoff_degrees", cutoff_degrees)
        self.band_degrees = read_not_negative("band_degrees", band_degrees)
        self.soft = read_boolean("soft", soft)

    def weights(self, angles: Tensor) -> Tensor:
        """How much each image counts: float tensor of shape `(batch,)`, in [0, 1]."""
        if self.regime == "all":
            return keras.ops.ones_like(as_float(angles))
        low = low_share(angles, self.cutoff_degrees, self.band_degrees, self.soft)
        return low if self.regime == "low" else 1.0 - low

    def call(self, y_true, y_pred):
        values = self.loss.call(y_true["value"], y_pred["value"])
        return values * balanced_weights(self.weights(y_pred["angles"]))

    def get_config(self):
        config = super().get_config()
        return {
            **{key: config[key] for key in ("name", "reduction")},
            "loss": keras.saving.serialize_keras_object(self.loss),
            "regime": self.regime,
            "cutoff_degrees": self.cutoff_degrees,
            "band_degrees": self.band_degrees,
            "soft": self.soft,
        }

    @classmethod
    def from_config(cls, config):
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(**{**config, "loss": loss})
