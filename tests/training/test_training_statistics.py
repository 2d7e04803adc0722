"""Learning rate, gradient norm and speed in the logs."""

import time

import keras
import numpy as np
import pytest

from keras_sphere import WarmupCosine
from keras_sphere.training import CSVLog, TensorBoardLog, TrainingStatistics
from tests.training import small_fits


class Clock(keras.callbacks.Callback):
    """Takes the place of the clock: a step takes a second, an epoch's end a minute."""

    now = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.now += 1.0

    def on_test_begin(self, logs=None):
        self.now += 60.0

    def on_epoch_end(self, epoch, logs=None):
        self.now += 60.0


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    return clock


def fitted(callbacks=(), **arguments):
    model = small_fits.fit_line([TrainingStatistics(), *callbacks], **arguments)
    return model.history.history


def test_learning_rate_is_that_of_the_last_step():
    schedule = WarmupCosine(1.0, 0.1, warmup_steps=5, decay_steps=20)
    rates = fitted(epochs=3, learning_rate=schedule)["learning_rate"]
    expected = [float(schedule(step)) for step in (2, 5, 8)]  # 3 steps per epoch
    np.testing.assert_allclose(rates, expected, rtol=1e-6)
    assert len(set(expected)) == 3


def test_constant_learning_rate():
    assert fitted(learning_rate=0.25)["learning_rate"] == [0.25]


class WithNorm(keras.optimizers.SGD):
    """An optimizer that keeps the norm of the gradients, in a variable."""

    def build(self, variables):
        super().build(variables)
        self.gradient_norm = self.add_variable((), name="gradient_norm")

    def apply(self, grads, trainable_variables=None):
        squares = [keras.ops.sum(keras.ops.square(gradient)) for gradient in grads]
        self.gradient_norm.assign(keras.ops.sqrt(sum(squares)))
        return super().apply(grads, trainable_variables)


def test_gradient_norm_where_the_optimizer_has_one():
    assert "gradient_norm" not in fitted()
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
    )
    model.compile(WithNorm(0.0), "mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    logs = fitted(model=model, batch_size=10)
    # d/dw mean (w x + b - 2 x)^2 = -4 mean x^2 at w = b = 0.
    expected = 4.0 * np.mean(np.linspace(-1.0, 1.0, 10) ** 2)
    np.testing.assert_allclose(logs["gradient_norm"], [expected], rtol=1e-5)


def test_speed_is_that_of_training_without_the_first_step(clock):
    validation = (np.ones((4, 1)), np.ones((4, 1)))
    speeds = fitted([clock], epochs=2, validation_data=validation)
    # Steps of 4, 4 and 2 images; the evaluation's 4 images are not counted.
    assert speeds["images_per_second"] == [6 / 2, 10 / 3]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return (np.ones(((2, 3, 1)[index], 1), "float32"),) * 2


def generator():
    while True:
        yield from (Batches()[index] for index in range(3))


@pytest.mark.parametrize(
    "data",
    [{"x": Batches()}, {"x": generator(), "steps_per_epoch": 3}],
    ids=["PyDataset", "generator"],
)
def test_images_of_every_kind_of_data(clock, data):
    history = fitted([clock], epochs=2, shuffle=False, **data)
    assert history["images_per_second"] == [4 / 2, 6 / 3]


def test_images_of_our_own_model(clock):
    callbacks = [TrainingStatistics(), clock]
    history = small_fits.fit(small_fits.new_model(), callbacks, epochs=2)
    assert history["images_per_second"] == [4 / 1, 8 / 2]


def test_the_only_step_is_counted(clock):
    assert fitted([clock], batch_size=10)["images_per_second"] == [10.0]


@pytest.mark.parametrize("log", [CSVLog, TensorBoardLog])
def test_too_late_in_the_list(tmp_path, log):
    callbacks = [log(tmp_path / "log"), TrainingStatistics()]
    with pytest.raises(ValueError, match=r"must be listed before.*Received: callbacks"):
        small_fits.fit_line(callbacks)
    assert list(tmp_path.iterdir()) == []
