"""A moving average of the encoder, which latent consistency can look through."""

import keras

from keras_sphere.backend.fixed_weights import fixed_weights
from keras_sphere.choices import CYCLE_ENCODERS
from keras_sphere.typing import Tensor
from keras_sphere.validation import check_choice, read_share


class AveragedWeights(keras.layers.Layer):
    """Moving averages of variables, as weights of their own that are not trained.

    Args:
        variables: List of the variables that are averaged.
        momentum: Float in [0, 1]. Share of an average that a move keeps.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(self, variables, momentum, **kwargs):
        super().__init__(**kwargs)
        self._averaged = [[*variables]]  # in a list, not tracked: they are another's
        self.momentum = momentum
        self.averages = [
            self.add_weight(
                name=f"average_{index}",
                shape=variable.shape,
                dtype=variable.dtype,
                initializer="zeros",
                trainable=False,
            )
            for index, variable in enumerate(variables)
        ]
        self.built = True

    def restart(self):
        """Sets the averages to the present values."""
        for average, variable in zip(self.averages, self._averaged[0], strict=True):
            average.assign(keras.ops.copy(variable))  # JAX gives buffers away

    def move(self):
        """Moves the averages towards the present values."""
        for average, variable in zip(self.averages, self._averaged[0], strict=True):
            moved = (1.0 - self.momentum) * (variable - average)
            average.assign(average + keras.ops.stop_gradient(moved))


class EncoderAverage:
    """Mixin of `SphereEncoderModel`: the encoder that looks at decoded images.

    `"live"` is the encoder itself, `"frozen"` the encoder whose weights get no gradient
    from there, `"averaged"` a moving average of it, which training keeps up to date.
    """

    def _make_encoder_average(self, cycle_encoder, momentum):
        check_choice("cycle_encoder", cycle_encoder, CYCLE_ENCODERS)
        self.cycle_encoder = cycle_encoder
        self.cycle_encoder_momentum = read_share("cycle_encoder_momentum", momentum)
        self.encoder_average = None
        if cycle_encoder == "averaged" and self.backbone.encoder is not None:
            self.encoder_average = AveragedWeights(
                self.backbone.encoder.trainable_variables,
                self.cycle_encoder_momentum,
                name="encoder_average",
            )

    def _start_encoder_average(self, optimizer):
        """Sets the average to the present weights, unless a training goes on."""
        has_steps = optimizer.built and (
            keras.ops.convert_to_numpy(optimizer.iterations) > 0
        )
        if self.encoder_average is not None and not has_steps:
            self.encoder_average.restart()

    def encode_again(
        self, images: Tensor, labels: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """Decoded images to latents, before projection; see `backbone.encode`."""
        if self.cycle_encoder == "live":
            return self.backbone.encode(images, labels, training)
        averages = None
        if self.encoder_average is not None:
            if training:
                self.encoder_average.move()
            averages = self.encoder_average.averages
        with fixed_weights(self.backbone.encoder, averages):
            return self.backbone.encode(images, labels, training)
