"""What callbacks that generate images every few epochs have in common."""

import keras

from keras_sphere.validation import if_given, read_boolean, read_integer


class PeriodicCallback(keras.callbacks.Callback):
    """A callback that is due every few epochs, and after the last one planned.

    Args:
        every_epochs: Integer, at least 1.
    """

    def __init__(self, every_epochs: int) -> None:
        super().__init__()
        self.every_epochs = read_integer("every_epochs", every_epochs)

    @property
    def is_told_to_end(self) -> bool:
        """Whether a signal ends the training, and there may be no time left."""
        return getattr(self.model, "is_told_to_end", False)

    def is_due(self, epoch: int) -> bool:
        """Whether it is due after an epoch, which counts from 0."""
        if self.is_told_to_end:
            return False
        done = epoch + 1
        return done % self.every_epochs == 0 or done == self.params["epochs"]


def resolve_use_ema(model, use_ema):
    """Whether to generate with averaged weights.

    Args:
        model: Compiled `SphereEncoderModel`.
        use_ema: Boolean, or `None` for the model's own default where its optimizer
            keeps an average, else the weights themselves.

    Raises:
        ValueError: If an average is asked for that the optimizer does not keep.
    """
    use_ema = if_given(read_boolean, "use_ema", use_ema)
    optimizer = model.optimizer
    has_average = hasattr(optimizer, "moving_averages") and optimizer.use_ema
    if use_ema is None:
        return model.sampling.use_ema and has_average
    if use_ema and not has_average:
        raise ValueError(
            "`use_ema=True` needs a model compiled with an optimizer that keeps a "
            "moving average, such as `keras_sphere.SphereAdamW`. Received: "
            f"optimizer={optimizer}"
        )
    return use_ema
