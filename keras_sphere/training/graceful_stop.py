"""Ending a training early, with nothing lost: on a signal, or after some steps."""

import logging
import signal
import threading
from collections.abc import Sequence

import keras

from keras_sphere.backend.replicas import largest_of_processes, processes

# Of several processes. A message of four bytes, which waits for the slowest of them.
STEPS_BETWEEN_AGREEMENTS = 10

logger = logging.getLogger("keras_sphere")


class StopOnSignal(keras.callbacks.Callback):
    """Ends `fit` after the present step when the process is told to end.

    Cluster schedulers send SIGTERM some seconds before they kill; Ctrl-C is SIGINT.
    Listed before a `TrainingCheckpoint`, which saves where the training ends, nothing
    is lost; the pictures and comparisons of this package are left out then
    (`model.is_told_to_end`). A second signal of the same kind acts as it did before.
    Handlers can be set in the main thread only; elsewhere this sets none.

    Several processes must end after the same step, whichever of them got the signal:
    they ask each other every `STEPS_BETWEEN_AGREEMENTS` steps, and all end at the next
    such step.

    Args:
        signals: Tuple of `signal.Signals`.

    Attributes:
        received: `signal.Signals` or `None`. What this process got; after `fit`, what
            any process got.

    Example:

    >>> stop = StopOnSignal()
    >>> model.fit(dataset, callbacks=[stop, TrainingCheckpoint("run")])
    >>> if stop.received:
    ...     print("stopped by", stop.received.name)
    """

    def __init__(
        self, signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT)
    ) -> None:
        super().__init__()
        self.signals = signals
        self.received: signal.Signals | None = None
        self._previous = {}
        self._steps = 0

    def install(self) -> None:
        """Sets the handlers: `fit` does, and who wants them before may.

        JAX processes set one of their own when they join each other
        (`distribution.setup`): install these after.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for number in self.signals:
            if number not in self._previous:
                self._previous[number] = signal.signal(number, self._receive)

    def restore(self) -> None:
        """Puts the handlers of before in place again."""
        for number in list(self._previous):
            self._put_back(number)

    def agreed(self) -> signal.Signals | None:
        """Asks all processes for a signal; each of them must call it at this point.

        Returns:
            `signal.Signals` that one of them received, the same on all; `None` if
            there is none.
        """
        number = largest_of_processes(int(self.received or 0))
        if not number:
            return None
        self.received = signal.Signals(number)
        return self.received

    def _receive(self, number, frame):
        self.received = signal.Signals(number)
        self._put_back(number)

    def _put_back(self, number):
        signal.signal(number, self._previous.pop(number) or signal.SIG_DFL)

    def on_train_begin(self, logs=None):
        self.install()
        self._steps = 0
        self.model.is_told_to_end = False

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        is_turn = processes()[1] == 1 or self._steps % STEPS_BETWEEN_AGREEMENTS == 0
        if is_turn and not self.model.stop_training and self.agreed():
            logger.warning("%s: the training ends here.", self.received.name)
            self.model.stop_training = self.model.is_told_to_end = True

    def on_train_end(self, logs=None):
        self.restore()
        self.agreed()


class StopAfterSteps(keras.callbacks.Callback):
    """Ends `fit` once so many steps have been taken since the training began.

    Args:
        max_steps: Integer or `None` for no limit.
        steps_done: Integer. Steps that were taken before this `fit`.
    """

    def __init__(self, max_steps, steps_done=0):
        super().__init__()
        self.max_steps = max_steps
        self.steps_done = steps_done
        self._last = -1

    def on_epoch_begin(self, epoch, logs=None):
        self._last = -1

    def on_train_batch_end(self, batch, logs=None):
        self.steps_done += batch - self._last
        self._last = batch
        if self.max_steps is not None and self.steps_done >= self.max_steps:
            self.model.stop_training = True
