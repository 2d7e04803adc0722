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

    def halves(self, inputs):
        """The first and the last half of the channels of the output.

        By two products, so that both halves, and their gradients, are contiguous; by
        one if the kernel is quantized.

        Args:
            inputs: Float tensor of shape `(..., channels)`.

        Returns:
            List of two tensors of shape `(..., units / 2)`.
        """
        if self.quantization_mode is not None or self.activation is not None:
            return keras.ops.split(self(inputs), 2, axis=-1)
        kernels, biases = keras.ops.split(self.kernel, 2, axis=-1), (None, None)
        if self.use_bias:
            biases = keras.ops.split(self.bias, 2)
        return [
            fused_operations.dense(inputs, kernel, bias)
            for kernel, bias in zip(kernels, biases, strict=True)
        ]

    def quantize(self, mode=None, type_check=True, config=None):
        # Keras refuses subclasses, which may compute something else.
        super().quantize(mode, type_check=False, config=config)
