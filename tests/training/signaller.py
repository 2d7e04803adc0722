"""A signal in the middle of a training."""

import os

import keras

from keras_sphere.backend.replicas import processes


class Signaller(keras.callbacks.Callback):
    """Sends a process, the last one where there are several, a signal in a step.

    Args:
        number: `signal.Signals`.
        at_step: Integer. Counted from 1 over all epochs of the job.
    """

    def __init__(self, number, at_step):
        super().__init__()
        self.number, self.left = number, at_step

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        index, count = processes()
        if self.left == 0 and index == count - 1:
            os.kill(os.getpid(), self.number)
