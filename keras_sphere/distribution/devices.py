"""The devices that train one model together, whatever the engine."""

import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from keras_sphere.backend.replicas import num_shares, processes

logger = logging.getLogger("keras_sphere")


class Devices:
    """What `setup` returns: a context in which a model is made and trained.

    All processes run the same program and call the same methods of the model in the
    same order, `generate` and `evaluate` too; only the one that `is_main` writes
    files, which `TrainingCheckpoint` sees to by itself.

    Attributes:
        mode: `"none"`, `"data_parallel"` or `"model_parallel"`.
        num_devices: Integer. Devices of all processes.
        num_shares: Integer. Parts that every global batch is split into.
        process_index, num_processes: Integers.
        is_main: Boolean. Whether this is the process that writes.
    """

    def __init__(
        self,
        mode: str,
        num_devices: int,
        start: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext,
    ) -> None:
        """See `setup`; `start` makes the context in which the engine is on."""
        self.mode = mode
        self.num_devices = num_devices
        self._start = start
        self._stack = contextlib.ExitStack()
        with start():
            self.num_shares = num_shares()
            self.process_index, self.num_processes = processes()
        self.is_main = self.process_index == 0

    def __enter__(self):
        self._stack.enter_context(self._start())
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def __repr__(self):
        return (
            f"<Devices mode={self.mode} num_devices={self.num_devices} "
            f"num_shares={self.num_shares} process={self.process_index} of "
            f"{self.num_processes}>"
        )

    def check_batch_size(self, batch_size: int) -> None:
        """Raises a `ValueError` unless every device gets as much of a batch.

        Args:
            batch_size: Integer. Images of a batch, of all devices together.
        """
        if batch_size < 1 or batch_size % self.num_shares:
            raise ValueError(
                "`batch_size` counts the images of all devices, and must be a "
                f"multiple of the {self.num_shares} parts it is split into. "
                f"Received: batch_size={batch_size}"
            )

    def shard(self, dataset: Any) -> Any:
        """What this process reads of a dataset: its rows of every global batch.

        Args:
            dataset: One with a `batch_size`, the global one, and a method
                `shard(index, count)`: `ShuffledBatches`, `PaddedBatches`.

        Returns:
            Dataset of this process. The images of an epoch that do not fill a global
            batch are left out, and a line of the log counts them; those of
            `PaddedBatches` are filled up.

        Raises:
            ValueError: If the devices cannot share a batch.
        """
        self.check_batch_size(dataset.batch_size)
        # Processes that share one model read the same rows.
        count = min(self.num_shares, self.num_processes)
        index = self.process_index * count // self.num_processes
        shard = dataset.shard(index, count)
        dropped = getattr(shard, "num_dropped", 0)
        if dropped and self.is_main:
            logger.info(
                "%d images of each epoch are left out: they do not fill a batch of %d.",
                dropped,
                dataset.batch_size,
            )
        return shard
