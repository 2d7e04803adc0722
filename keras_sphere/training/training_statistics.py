"""Learning rate, gradient norm and speed, in the logs of every epoch."""

import time

import keras

from keras_sphere.backend.operations import sync_variables
from keras_sphere.training.log_order import begin_as_source


class TrainingStatistics(keras.callbacks.Callback):
    """Adds to the logs of every epoch what Keras does not log.

    - `learning_rate`: of the epoch's last step, schedules included (of the decoder
      with `SphereAdamW`);
    - `gradient_norm`: of the last step, of all gradients before clipping, if the
      optimizer has a `gradient_norm`, as `SphereAdamW` does;
    - `images_per_second`: images trained on in the epoch by the seconds that took,
      without validation, what callbacks do at the end of an epoch, and the first step
      of `fit`, which compiles (unless the epoch has no other).

    The images are counted by the running mean of the loss, which Keras weighs by the
    size of each batch: so it is right for arrays, datasets and generators, incomplete
    last batches, and epochs that were taken up in the middle.

    List it before callbacks that write the logs down, `CSVLog` and others.

    Raises:
        ValueError: In `fit`, if a log of this package is listed before it.

    Example:

    >>> history = model.fit(images, labels, callbacks=[TrainingStatistics()]).history
    >>> history["images_per_second"]
    """

    def on_train_begin(self, logs=None):
        begin_as_source(self, logs)
        self._is_first_epoch = True

    def on_epoch_begin(self, epoch, logs=None):
        self._starts_left = 2 if self._is_first_epoch else 1
        self._start = self._end = None
        self._is_first_epoch = False

    def on_train_batch_begin(self, batch, logs=None):
        if self._starts_left:
            self._starts_left -= 1
            self._start = self._images_and_time()

    def on_test_begin(self, logs=None):
        self._end = self._images_and_time()

    def on_epoch_end(self, epoch, logs=None):
        if logs is None:
            return
        if self._end is None:  # else validation has set the running means to zero
            self._end = self._images_and_time()
        sync_variables(self.model)
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        found = {
            "learning_rate": last_learning_rate(optimizer),
            "gradient_norm": getattr(optimizer, "gradient_norm", None),
            "images_per_second": self._images_per_second(),
        }
        logs.update(
            {name: _float(value) for name, value in found.items() if value is not None}
        )

    def _images_and_time(self):
        sync_variables(self.model)
        counts = [
            metric.count
            for metric in self.model.metrics
            if metric.name == "loss" and hasattr(metric, "count")
        ]
        # Reading the count waits until the steps so far are done.
        images = _float(counts[0]) if counts else None
        return images, time.perf_counter()

    def _images_per_second(self):
        if self._start is None or self._start[0] is None:
            return None
        images, seconds = (
            end - start for start, end in zip(self._start, self._end, strict=True)
        )
        return images / seconds if images > 0 and seconds > 0 else None


def last_learning_rate(optimizer):
    """The learning rate of the last step; `None` if the optimizer has no single one.

    The optimizer's own `learning_rate` is that of the step to come.
    """
    rate = getattr(optimizer, "_learning_rate", None)
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate(max(int(_float(optimizer.iterations)) - 1, 0))
    return rate() if callable(rate) else rate


def _float(value):
    return float(keras.ops.convert_to_numpy(value))
