"""Latent consistency: the decoded image encodes back to the same latent."""

from typing import Any

import keras

from keras_sphere.losses.distances import cosine_distance


@keras.saving.register_keras_serializable(package="keras_sphere")
class LatentCosineDistance(keras.losses.Loss):
    """Cosine distance between latents, each flattened: one value per image.

    Args:
        name: String.
        **kwargs: Arguments of `keras.losses.Loss`.

    Reference:
        - [Sphere Encoder](https://arxiv.org/abs/2602.15030), latent consistency.
    """

    def __init__(self, name: str = "latent_cosine_distance", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        return cosine_distance(y_true, y_pred)

    def get_config(self):
        config = super().get_config()
        return {key: config[key] for key in ("name", "reduction")}
