"""A dense layer whose product and bias are one operation."""

import keras

from keras_sphere.backend import fused_operations
from keras_sphere.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_sphere")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, in one operation where the backend has it.

    Weights, configuration, LoRA and quantization are those of the parent.
    """

    def call(self, inputs, training=None):
        x = fused_operations.dense(inputs, self.kernel, self.bias)
        return self.activation(x)

    def inside(self, inputs: Tensor) -> Tensor:
        """The output, for a layer of the same policy that is being called.

        Keras' `__call__` takes as long as the product of a small model; only a
        quantized kernel needs it.

        Args:
            inputs: Float tensor of shape `(..., channels)`, of the compute dtype.

        Returns:
            Float tensor of shape `(..., units)`.
        """
        return self.call(inputs) if self.quantization_mode is None else self(inputs)

    def halves(self, inputs: Tensor) -> list[Tensor]:
        """`inside`, split into the first and the last half of the channels.

        By two products, or by one if the kernel is quantized.

        Args:
            inputs: Float tensor of shape `(..., channels)`.

        Returns:
            List of two tensors of shape `(..., units / 2)`.
        """
        if self.quantization_mode is not None:
            return fused_operations.split(self(inputs), 2)
        halves = fused_operations.dense_halves(inputs, self.kernel, self.bias)
        return [self.activation(half) for half in halves]

    def quantize(self, mode=None, type_check=True, config=None):
        # Keras refuses subclasses, which may compute something else.
        super().quantize(mode, type_check=False, config=config)
