"""A training that stops while gradients are being accumulated."""

import keras
import numpy as np
import pytest

from keras_sphere.training import TrainingCheckpoint
from tests import tiny_models
from tests.training.resumable_run import batches, compiled_model

STOP_AFTER = 4  # with the gradient of one batch in the sums of three


class Stop(keras.callbacks.Callback):
    """Keeps the losses, and interrupts the training after a step."""

    def __init__(self, after=None):
        super().__init__()
        self.after = after
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])
        if len(self.losses) == self.after:
            raise KeyboardInterrupt


def train(model, directory, after=None):
    data, stop = batches(), Stop(after)
    checkpoint = TrainingCheckpoint(directory, every_steps=STOP_AFTER)
    start = checkpoint.resume(model)
    model.fit(
        data.starting_at(*start),
        steps_per_epoch=len(data),
        initial_epoch=start.epoch,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=[checkpoint, stop],
    )
    return stop.losses


@pytest.mark.slow
def test_goes_on_in_the_middle_of_an_accumulation(tmp_path):
    whole = compiled_model(seed=0, gradient_accumulation_steps=3)
    losses = train(whole, tmp_path / "whole")
    assert int(whole.optimizer.iterations) == 3
    with pytest.raises(KeyboardInterrupt):
        train(
            compiled_model(seed=0, gradient_accumulation_steps=3),
            tmp_path / "parts",
            STOP_AFTER,
        )
    model = compiled_model(seed=1, gradient_accumulation_steps=3)
    assert train(model, tmp_path / "parts") == losses[STOP_AFTER:]
    for variable, a, b in zip(
        [*model.variables, *model.optimizer.variables],
        tiny_models.state(model),
        tiny_models.state(whole),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b, err_msg=variable.path)
