"""Stops training, evaluation included, at the first loss that is not finite."""

import math

import keras

from keras_sphere.backend import sync_variables
from keras_sphere.image_validation import check_pixel_range
from keras_sphere.validation import check_label_range


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite although the batch was in range."""


class FiniteLossGuard(keras.callbacks.Callback):
    """Raises as soon as the loss is not finite.

    It runs before all other callbacks, so that none of them saves anything after the
    fault. The step that met it left the weights as good as they were
    (`SphereAdamW` counts a gradient that is not finite as zero).

    Raises:
        ValueError: If the batch held pixels or labels out of range.
        NonFiniteLossError: Otherwise.
    """

    epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.check(logs["loss"], f"step {batch + 1} of epoch {self.epoch + 1}")

    def on_test_batch_end(self, batch, logs=None):
        self.check(logs["loss"], f"evaluation step {batch + 1}")

    def check(self, loss, where):
        """Raises if `loss` is not finite; `where` says which step it is."""
        if math.isfinite(loss):
            return
        sync_variables(self.model)
        low, high, first_label, last_label = keras.ops.convert_to_numpy(
            self.model.batch_range
        )
        try:
            check_pixel_range(low, high)
            if self.model.backbone.num_classes:
                check_label_range(
                    first_label, last_label, self.model.backbone.num_classes
                )
        except ValueError as error:
            raise ValueError(f"{error} (in the batch of {where})") from None
        raise NonFiniteLossError(
            f"The loss is {loss} at {where}: training has diverged. Go back to a saved "
            "file; a lower learning rate, a longer warm-up or gradient clipping may "
            "help."
        )
