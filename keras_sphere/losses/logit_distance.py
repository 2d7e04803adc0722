"""How far what a classifier says of two images is apart."""

from typing import Any

import keras

from keras_sphere.choices import LOGIT_DISTANCES
from keras_sphere.losses.distances import cosine_distance, mean_distance
from keras_sphere.validation import check_choice


@keras.saving.register_keras_serializable(package="keras_sphere")
class LogitDistance(keras.losses.Loss):
    """Distance of the logits of two images: one value per image.

    Args:
        distance: `"cosine"`, 1 - the cosine of the logits less their mean over the
            classes, which no softmax sees; or `"l2"`, the mean squared difference.
        name: String.
        **kwargs: Arguments of `keras.losses.Loss`.

    Call arguments:
        y_true: Float tensor of shape `(batch, classes)`.
        y_pred: Float tensor of the same shape.

    Reference:
        - [Sphere Encoder 2](https://arxiv.org/abs/2610.02208), training.
    """

    def __init__(
        self, distance: str = "cosine", name: str = "logit_distance", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        check_choice("distance", distance, LOGIT_DISTANCES)
        self.distance = distance

    def call(self, y_true, y_pred):
        if self.distance == "l2":
            return mean_distance(y_pred, y_true, "l2")
        return cosine_distance(*(_centred(x) for x in (y_true, y_pred)))

    def get_config(self):
        config = super().get_config()
        return {
            **{key: config[key] for key in ("name", "reduction")},
            "distance": self.distance,
        }


def _centred(logits):
    return logits - keras.ops.mean(logits, axis=-1, keepdims=True)
