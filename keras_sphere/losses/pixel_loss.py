"""Pixel reconstruction and pixel consistency: how far two images are apart."""

from typing import Any

import keras

from keras_sphere.losses.distances import DISTANCES, mean_distance
from keras_sphere.validation import check_choice, read_not_negative


@keras.saving.register_keras_serializable(package="keras_sphere")
class PixelLoss(keras.losses.Loss):
    """Distance between images, plus one between their perceptual features.

    `distance_weight d(x, y) + perceptual_weight sum_k d'(phi_k(x), phi_k(y))` with
    the feature maps phi_k that the model's perceptual network gave, if it has one.
    One value per image.

    Args:
        distance: `"l1"` (smooth), `"l2"`, `"l1+l2"` or `"absolute"`.
        distance_weight: Float, at least 0.
        perceptual_weight: Float, at least 0.
        feature_distance: As `distance`, for feature maps. Defaults to
            `"absolute"`.
        name: String.
        **kwargs: Arguments of `keras.losses.Loss`.

    Call arguments:
        y_true: Dict of `images`, a tensor of shape
            `(batch, height, width, channels)` in [0, 1], and `features`, a list of
            tensors of shape `(batch, ...)`.
        y_pred: Dict of the same structure.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), the pixel losses.
    """

    def __init__(
        self,
        distance: str = "l1",
        distance_weight: float = 1.0,
        perceptual_weight: float = 1.0,
        feature_distance: str = "absolute",
        name: str = "pixel_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        check_choice("distance", distance, DISTANCES)
        check_choice("feature_distance", feature_distance, DISTANCES)
        self.distance = distance
        self.distance_weight = read_not_negative("distance_weight", distance_weight)
        self.perceptual_weight = read_not_negative(
            "perceptual_weight", perceptual_weight
        )
        self.feature_distance = feature_distance

    def call(self, y_true, y_pred):
        value = self.distance_weight * mean_distance(
            y_pred["images"], y_true["images"], self.distance
        )
        for true, pred in zip(y_true["features"], y_pred["features"], strict=True):
            distance = mean_distance(pred, true, self.feature_distance)
            value = value + self.perceptual_weight * distance
        return value

    def get_config(self):
        config = super().get_config()
        return {
            **{key: config[key] for key in ("name", "reduction")},
            "distance": self.distance,
            "distance_weight": self.distance_weight,
            "perceptual_weight": self.perceptual_weight,
            "feature_distance": self.feature_distance,
        }
