"""A dense layer whose product and bias are one operation."""

import keras

from keras_sphere.backend import fused_operations


@keras.saving.register_keras_serializable(package="keras_sphere")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, in one operation where the backend has it.

    Weights, configuration, LoRA and quantization are those of the parent.
    """

    def call(self, inputs, training=None):
        x = fused_operations.dense(inputs, self.kernel, self.bias)
        return x if self.activation is None else self.activation(x)

    def quantize(self, mode=None, type_check=True, config=None):
        # Keras refuses subclasses, which may compute something else.
        super().quantize(mode, type_check=False, config=config)
