"""A loss whose values are there already."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_sphere")
class ComputedLoss(keras.losses.Loss):
    """Passes on one value per image that the training forward has computed.

    Args:
        name: String.
        **kwargs: Arguments of `keras.losses.Loss`.

    Call arguments:
        y_true: Anything; it does not count.
        y_pred: Float tensor of shape `(batch,)`: the values.
    """

    def __init__(self, name: str = "computed_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        return y_pred

    def get_config(self):
        config = super().get_config()
        return {key: config[key] for key in ("name", "reduction")}
