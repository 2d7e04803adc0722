"""Training loops that check their data first and stop at a loss that is not finite."""

import keras
import numpy as np

from keras_sphere.models.finite_loss_guard import FiniteLossGuard


class GuardedTraining:
    """Mixin of `SphereEncoderModel`: `fit`, `evaluate` and their one-batch forms.

    It stands in front of `keras.Model` and needs `reader`, a `BatchReader`.
    """

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        **kwargs,
    ):
        """Trains the model; see `keras.Model.fit`.

        Args:
            x: Images, a dict, or a dataset of either or of `(images, labels)`:
                NumPy arrays, `tf.data.Dataset`, `torch.utils.data.DataLoader`,
                `keras.utils.PyDataset` or a generator. uint8 images are rescaled;
                float images must be in [-1, 1].
            y: Labels of the images in `x`, if `x` is an array.
            **kwargs: The other arguments of `keras.Model.fit`.

        Returns:
            `keras.callbacks.History` with `loss` and the three losses, unweighted.

        Raises:
            ValueError: If the data is not fit to train on; whole arrays and the
                first batch of a stream are checked before the first step.
            NonFiniteLossError: If the loss diverges, at that step.
        """
        self._require_compiled("fit")
        if getattr(x, "has_own_order", False):
            kwargs["shuffle"] = False  # Keras would shuffle the batches once more
        x = self.reader.check_data(x, y)
        if validation_data is not None:
            if isinstance(validation_data, (tuple, list)):
                self.reader.check_data(*validation_data[:2])
            else:
                validation_data = self.reader.check_data(validation_data)
        self._start_moving_average()
        return super().fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=_guarded(callbacks),
            validation_split=validation_split,
            validation_data=validation_data,
            **kwargs,
        )

    def evaluate(self, x=None, y=None, *args, callbacks=None, **kwargs):
        """Computes the three losses; see `fit` for the data and the errors."""
        self._require_compiled("evaluate")
        if not kwargs.get("_use_cached_eval_dataset"):
            x = self.reader.check_data(x, y)
            callbacks = _guarded(callbacks)
        return super().evaluate(x, y, *args, callbacks=callbacks, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Reconstructs images, with their labels if `x` has some; see `fit`."""
        return super().predict(self.reader.check_data(x), *args, **kwargs)

    def train_on_batch(self, x, y=None, *args, **kwargs):
        """Runs one training step on one batch; see `fit` for the errors."""
        self._require_compiled("train_on_batch")
        self.reader.check_data(x, y)
        self._start_moving_average()
        return self._checked(super().train_on_batch(x, y, *args, **kwargs))

    def test_on_batch(self, x, y=None, *args, **kwargs):
        """Computes the three losses of one batch; see `fit` for the errors."""
        self._require_compiled("test_on_batch")
        self.reader.check_data(x, y)
        return self._checked(super().test_on_batch(x, y, *args, **kwargs))

    def build_metrics(self):
        """Makes the running means of the losses, which else the first step makes."""
        side = self.reader.image_size
        image = np.zeros((1, side, side, self.reader.num_channels), "float32")
        self._symbolic_build(data_batch=(image,))

    def _checked(self, logs):
        guard = FiniteLossGuard()
        guard.set_model(self)
        loss = logs["loss"] if isinstance(logs, dict) else np.ravel(logs)[0]
        guard.check(float(loss), "this batch")
        return logs

    def _require_compiled(self, method):
        if not self.compiled:
            raise ValueError(
                f"Call `model.compile()` before `{method}`; without arguments it "
                "takes the paper's settings. Received: a model that is not compiled"
            )

    def _start_moving_average(self):
        """Lets the average start from weights loaded after the optimizer was built."""
        restart = getattr(self.optimizer, "restart_moving_average", None)
        if restart and self.optimizer.built and int(self.optimizer.iterations) == 0:
            restart()


def _guarded(callbacks):
    """Callbacks with the finite-loss guard in front."""
    guard = FiniteLossGuard()
    if isinstance(callbacks, keras.callbacks.CallbackList):
        guard.set_model(callbacks.model)
        callbacks.callbacks.insert(0, guard)
        return callbacks
    if callbacks is None:
        return [guard]
    return [
        guard,
        *(callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]),
    ]
