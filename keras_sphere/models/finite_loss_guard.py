"""Stops training, evaluation included, at the first loss that is none."""

import math

import keras

from keras_sphere.backend.operations import sync_variables
from keras_sphere.image_validation import check_pixel_range
from keras_sphere.validation import check_label_range


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite although the batch was in range."""


class FiniteLossGuard(keras.callbacks.Callback):
    """Raises as soon as the loss is not finite, or of no batches at all.

    It runs before all other callbacks, so that none of them saves anything after the
    fault. The step that met it left the weights as good as they were
    (`SphereAdamW` counts a gradient that is not finite as zero).

    Raises:
        ValueError: If the batch held pixels or labels out of range, or if an epoch
            or evaluation ends without a batch: Keras would log a loss of 0.
        NonFiniteLossError: Otherwise.
    """

    epoch = 0
    has_trained = has_tested = False

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.has_trained = False

    def on_train_batch_end(self, batch, logs=None):
        self.has_trained = True
        self.check(logs["loss"], f"step {batch + 1} of epoch {self.epoch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        self.require(self.has_trained, f"epoch {epoch + 1}")

    def on_test_begin(self, logs=None):
        self.has_tested = False

    def on_test_batch_end(self, batch, logs=None):
        self.has_tested = True
        self.check(logs["loss"], f"evaluation step {batch + 1}")

    def on_test_end(self, logs=None):
        self.require(self.has_tested, "the evaluation")

    def require(self, has_batches, where):
        """Raises if there were no batches; `where` says where."""
        if not has_batches:
            raise ValueError(
                "The dataset must have batches every time that it is read; one over "
                "an iterator has none the second time. "
                f"Received: no batches in {where}"
            )

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
