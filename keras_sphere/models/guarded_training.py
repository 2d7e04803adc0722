"""Training loops that check their data first and stop at a loss that is not finite."""

import contextlib
import functools

import keras
import numpy as np

from keras_sphere.backend.engine_checks import check_engine, check_optimizer, check_rows
from keras_sphere.backend.host_batches import read_in_step
from keras_sphere.backend.replicas import (
    make_equal_on_processes,
    summed_over_processes,
)
from keras_sphere.class_names import check_same_names
from keras_sphere.models.data_forms import (
    is_shuffled_by_keras,
    is_whole,
    join_labels,
    separate_arrays,
)
from keras_sphere.models.finite_loss_guard import FiniteLossGuard
from keras_sphere.notebooks import quiet_verbosity
from keras_sphere.validation import (
    check_choice,
    if_given,
    plain,
    read_integer,
    read_share,
)


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
            x: Images, a dict (of `images` and optionally `labels` and `embeddings`, the
                vectors of a model that is conditional on some), `(images, labels)` or
                `(images, labels, sample_weight)`, or a dataset of any of these:
                `tf.data.Dataset`,
                `torch.utils.data.DataLoader`, `keras.utils.PyDataset`, a list of
                batches, or a generator or other iterator. uint8 images are rescaled;
                float images must be in [-1, 1].
            y: Labels of the images in `x`, if `x` is an array.
            validation_data: As `x`.
            **kwargs: The other arguments of `keras.Model.fit`. `shuffle` is by
                default on for arrays, lists and `PyDataset`s that do not say
                `has_own_order`, and off for all that has an order of its own.

        Returns:
            `keras.callbacks.History` with `loss`, each of the losses, unweighted, and
            `psnr`, `latent_norm`, `latent_norm_std` and `cycle_angle`; see
            `training_measures.measure`.

        Raises:
            ValueError: If the data is not fit to train on, or its batches cannot be
                split over the devices; whole arrays and the first batch of a stream
                are checked before the first step. Also, at its end, if an epoch or a
                validation had no batches: their mean would be a loss of 0.
            NonFiniteLossError: If the loss diverges, at that step.
        """
        self._require_compiled("fit")
        kwargs.update(batch_size=batch_size, epochs=epochs)
        kwargs = _read_numbers(validation_split=validation_split, **kwargs)
        batch_size, left_out = kwargs["batch_size"], kwargs["validation_split"]
        x, y, weights = separate_arrays(x, y, kwargs.pop("sample_weight", None))
        x = self._check_data(x, y, batch_size, left_out)
        shuffle = kwargs.pop("shuffle", True if is_whole(x) else None)
        check_choice("shuffle", shuffle, (True, False, None, "batch"))
        if shuffle is None or getattr(x, "has_own_order", False):
            shuffle = is_shuffled_by_keras(x)
        x = read_in_step(self, x, y, weights, shuffle, kwargs.get("class_weight"))
        if validation_data is not None:
            rows = kwargs.get("validation_batch_size") or batch_size
            validation_data = self._read_validation(validation_data, rows)
        self.check_optimizer_variables()
        self._start_moving_average()
        self.build_training()
        self._start_equal()
        guard = FiniteLossGuard()
        try:
            return super().fit(
                x,
                y,
                verbose=quiet_verbosity(verbose),
                callbacks=_guarded(callbacks, guard),
                validation_data=validation_data,
                sample_weight=weights,
                shuffle=shuffle,
                **kwargs,
            )
        except UnboundLocalError:  # Keras on JAX, of an epoch that has no batches
            guard.require(guard.has_trained, "the first epoch")
            raise

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        **kwargs,
    ):
        """Computes the losses and measures of `fit`; see there for data and errors."""
        self._require_compiled("evaluate")
        batch_size = if_given(read_integer, "batch_size", batch_size)
        if not kwargs.get("_use_cached_eval_dataset"):
            x, y, sample_weight = separate_arrays(x, y, sample_weight)
            x = self._check_data(x, y, batch_size)
            x = read_in_step(self, x, y, sample_weight)
            self._start_equal()
            callbacks = _guarded(callbacks, FiniteLossGuard())
        return super().evaluate(
            x, y, batch_size, verbose, sample_weight, steps, callbacks, **kwargs
        )

    def predict(self, x, batch_size=None, *args, **kwargs):
        """Reconstructs images, with their labels if `x` has some; see `fit`."""
        batch_size = if_given(read_integer, "batch_size", batch_size)
        x, y, _ = separate_arrays(x)
        x = self._check_data(join_labels(x, y), batch_size=batch_size)
        return super().predict(read_in_step(self, x), batch_size, *args, **kwargs)

    def predict_on_batch(self, x):
        """Reconstructs one batch; see `fit` for the errors."""
        x, y, _ = separate_arrays(x)
        x = join_labels(x, y)
        self._check_one_batch(x)
        return super().predict_on_batch(x)

    def train_on_batch(self, x, y=None, sample_weight=None, *args, **kwargs):
        """Runs one training step on one batch; see `fit` for the errors."""
        self._require_compiled("train_on_batch")
        x, y, sample_weight = separate_arrays(x, y, sample_weight)
        self._check_one_batch(x, y)
        self.check_optimizer_variables()
        self._start_moving_average()
        self.build_training()
        self._start_equal(once=True)
        logs = super().train_on_batch(x, y, sample_weight, *args, **kwargs)
        return self._checked(logs)

    def test_on_batch(self, x, y=None, sample_weight=None, *args, **kwargs):
        """Computes the losses and measures of one batch; see `fit` for errors."""
        self._require_compiled("test_on_batch")
        x, y, sample_weight = separate_arrays(x, y, sample_weight)
        self._check_one_batch(x, y)
        self._start_equal(once=True)
        return self._checked(
            super().test_on_batch(x, y, sample_weight, *args, **kwargs)
        )

    def build_training(self) -> None:
        """Makes all variables of a training, which else its first step makes.

        TensorFlow traces a step twice that makes some.
        """
        self.build_metrics()
        if not self.optimizer.built:
            with self._strategy_scope():
                self.optimizer.build(self.trainable_variables)

    def build_metrics(self) -> None:
        """Makes the running means of the losses.

        Keras finds out what they are by a pass through all networks.
        """
        if self._compile_loss.built:
            return
        structure = self.objective.structure(self, self._compile_loss._user_loss)
        with self._strategy_scope():
            self._compile_loss.build(structure, structure)

    def _maybe_symbolic_build(self, *args, **kwargs):
        """Spares a TensorFlow strategy the batches that Keras would read to build.

        A generator cannot give them again: they would be missing from the training.
        """
        if not self._compile_loss.built:
            super()._maybe_symbolic_build(*args, **kwargs)

    def get_metrics_result(self):
        """The running means, over all processes; see `keras.Model`."""
        with summed_over_processes(self.metrics_variables):
            return super().get_metrics_result()

    def _check_data(self, x, y=None, batch_size=None, left_out=0.0):
        """Checks data, and that the devices can share its batches."""
        self.backbone.require_encoder("Training")
        check_engine()
        check_optimizer(getattr(self, "optimizer", None))
        check_same_names("x", x, self.backbone.class_names)
        x = self.reader.check_data(x, y)
        if is_whole(x):
            count = len(x["images"] if isinstance(x, dict) else x)
            check_rows(int(count * (1.0 - left_out)), batch_size or 32)
        else:
            check_rows(self.reader.num_rows)
        return x

    def _read_validation(self, data, batch_size):
        """Validation data as Keras takes them, checked."""
        x, y, weights = separate_arrays(data)
        x = self._check_data(x, y, batch_size)
        return read_in_step(self, x, y, weights), y, weights

    def _check_one_batch(self, x, y=None):
        check_engine(one_batch=True)
        self._check_data(x, y, len(x["images"] if isinstance(x, dict) else x))

    def _strategy_scope(self):
        """The scope in which variables of this model are made."""
        strategy = getattr(self, "distribute_strategy", None)
        return contextlib.nullcontext() if strategy is None else strategy.scope()

    def _start_equal(self, once=False):
        """Lets all processes start from the weights and seeds of the first one."""
        self.build_metrics()
        if not (once and getattr(self, "_is_equal", False)):
            built = self.optimizer is not None and self.optimizer.built
            make_equal_on_processes(
                [*self.variables, *(self.optimizer.variables if built else [])]
            )
        self._is_equal = True

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
        optimizer = self.optimizer
        self._start_encoder_average(optimizer)
        if not optimizer.built or not hasattr(optimizer, "restart_moving_average"):
            return
        num_steps = keras.ops.convert_to_numpy(optimizer.iterations)
        if num_steps == 0 or optimizer.average_is_lost:
            optimizer.restart_moving_average()


def _read_numbers(**options):
    """Arguments of `fit`, those that are numbers or truth values as plain ones."""
    readers = {
        "batch_size": functools.partial(if_given, read_integer),
        "validation_batch_size": functools.partial(if_given, read_integer),
        "epochs": functools.partial(read_integer, least=0),
        "validation_split": read_share,
    }
    return {
        name: readers[name](name, value) if name in readers else plain(value)
        for name, value in options.items()
    }


def _guarded(callbacks, guard):
    """Callbacks with the finite-loss guard in front."""
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
