"""The norm of the networks."""

from typing import Any

import keras

from keras_sphere.backend import fused_operations


@keras.saving.register_keras_serializable(package="keras_sphere")
class RMSNormalization(keras.layers.RMSNormalization):
    """`keras.layers.RMSNormalization` of the last axis, with the paper's epsilon.

    Args:
        epsilon: Float. Defaults to `1e-6`.
        **kwargs: Arguments of `keras.layers.RMSNormalization`.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(epsilon=epsilon, **kwargs)

    def call(self, x):
        return fused_operations.rms_normalization(x, self.scale, self.epsilon)
