"""The schedule of the learning rate that the paper's recipes have."""

import keras

from keras_sphere.typing import Tensor
from keras_sphere.validation import if_given, read_integer, read_not_negative


@keras.saving.register_keras_serializable(package="keras_sphere")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then half a cosine down to a minimum, which it keeps.

    `max (t + 1) / (warmup + 1)` for t < warmup; then
    `min + (max - min) (1 + cos(pi (t - warmup) / (decay - warmup))) / 2` up to
    step `decay_steps`; then `min`.

    Args:
        max_value: Float. Learning rate after the warm-up.
        min_value: Float. Learning rate after the decay.
        warmup_steps: Integer. Number of steps of the warm-up.
        decay_steps: Integer or `None`. Step at which the minimum is reached; `None`
            keeps `max_value` after the warm-up.

    Example:

    >>> WarmupCosine(1e-3, 1e-5, warmup_steps=100, decay_steps=1800)
    """

    def __init__(
        self,
        max_value: float,
        min_value: float,
        warmup_steps: int,
        decay_steps: int | None = None,
    ) -> None:
        super().__init__()
        self.max_value = read_not_negative("max_value", max_value)
        self.min_value = read_not_negative("min_value", min_value)
        self.warmup_steps = read_integer("warmup_steps", warmup_steps, least=0)
        self.decay_steps = if_given(read_integer, "decay_steps", decay_steps)
        if self.decay_steps is not None and self.decay_steps <= self.warmup_steps:
            raise ValueError(
                "`decay_steps` must be greater than `warmup_steps`. Received: "
                f"warmup_steps={warmup_steps}, decay_steps={decay_steps}"
            )

    def __call__(self, step: int | Tensor) -> Tensor:
        ops = keras.ops
        step = ops.cast(step, "float32")
        warm = self.max_value * (step + 1.0) / (self.warmup_steps + 1.0)
        rate = ops.cast(self.max_value, "float32")
        if self.decay_steps is not None:
            share = (step - self.warmup_steps) / (self.decay_steps - self.warmup_steps)
            wave = (1.0 + ops.cos(ops.clip(share, 0.0, 1.0) * 3.141592653589793)) / 2.0
            rate = self.min_value + (self.max_value - self.min_value) * wave
        return ops.where(step < self.warmup_steps, warm, rate)

    def get_config(self):
        return {
            "max_value": self.max_value,
            "min_value": self.min_value,
            "warmup_steps": self.warmup_steps,
            "decay_steps": self.decay_steps,
        }
