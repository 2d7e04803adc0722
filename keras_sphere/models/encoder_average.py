"""A moving average of the encoder, which latent consistency can look through."""

import keras

from keras_sphere.backend.fixed_weights import fixed_weights
from keras_sphere.validation import check_choice, read_share

CYCLE_ENCODERS = ("live", "frozen", "averaged")


class EncoderAverage:
    """Mixin of `SphereEncoderModel`: the encoder that looks at decoded images.

    `"live"` is the encoder itself, `"frozen"` the encoder whose weights get no gradient
    from there, `"averaged"` a moving average of it, which training keeps up to date.
    """

    def _make_encoder_average(self, cycle_encoder, momentum):
        check_choice("cycle_encoder", cycle_encoder, CYCLE_ENCODERS)
        self.cycle_encoder = cycle_encoder
        self.cycle_encoder_momentum = read_share("cycle_encoder_momentum", momentum)
        self.encoder_average = []
        if cycle_encoder == "averaged":
            self.encoder_average = [
                self.add_weight(
                    name=f"encoder_average_{index}",
                    shape=variable.shape,
                    dtype=variable.dtype,
                    initializer="zeros",
                    trainable=False,
                )
                for index, variable in enumerate(self._averaged_variables())
            ]

    def _averaged_variables(self):
        return self.backbone.encoder.trainable_variables

    def _start_encoder_average(self, optimizer):
        """Sets the average to the present weights, unless a training goes on."""
        has_steps = optimizer.built and (
            keras.ops.convert_to_numpy(optimizer.iterations) > 0
        )
        if has_steps:
            return
        for average, variable in zip(
            self.encoder_average, self._averaged_variables(), strict=False
        ):
            average.assign(variable)

    def _move_encoder_average(self):
        """Moves the average towards the weights that the last update left."""
        for average, variable in zip(
            self.encoder_average, self._averaged_variables(), strict=False
        ):
            moved = (1.0 - self.cycle_encoder_momentum) * (variable - average)
            average.assign(average + keras.ops.stop_gradient(moved))

    def encode_again(self, images, labels=None, training=False):
        """Decoded images to latents, before projection; see `backbone.encode`."""
        if self.cycle_encoder == "live":
            return self.backbone.encode(images, labels, training)
        if training:
            self._move_encoder_average()
        average = self.encoder_average or None
        with fixed_weights(self.backbone.encoder, average):
            return self.backbone.encode(images, labels, training)
