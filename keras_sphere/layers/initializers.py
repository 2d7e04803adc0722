"""Initial values that Keras' own initializers do not give."""

import math

import keras


@keras.saving.register_keras_serializable(package="keras_sphere")
class FlattenedGlorotUniform(keras.initializers.Initializer):
    """Glorot uniform of a convolution kernel flattened to a matrix.

    Keras counts the receptive field in fan-in and fan-out; flattened to
    `(outputs, everything else)` it counts in one of them only. The limit is
    `gain sqrt(6 / (prod(shape[:-1]) + shape[-1]))`, which also holds for a
    transposed convolution, whose kernel ends with its inputs.

    Args:
        gain: Float. Factor on the limit.
        seed: Integer or `None`.
    """

    def __init__(self, gain=1.0, seed=None):
        self.gain = gain
        self.seed = seed

    def __call__(self, shape, dtype=None):
        limit = self.gain * math.sqrt(6.0 / (math.prod(shape[:-1]) + shape[-1]))
        return keras.initializers.RandomUniform(-limit, limit, seed=self.seed)(
            shape, dtype
        )

    def get_config(self):
        return {"gain": self.gain, "seed": self.seed}
