"""What engines cannot do or would do wrong in silence, said before any work."""

import importlib.util
import re

import keras

from keras_sphere.backend.replicas import (
    gather_objects,
    in_group,
    local_shares,
    tensorflow_strategy,
)


def check_rows(num_rows, batch_size=None):
    """Raises a `ValueError` unless devices and processes can share all batches.

    Args:
        num_rows: Integer. Images of a batch; or of all, if `batch_size` is given.
        batch_size: Integer or `None`.
    """
    shares = local_shares()
    batches = [num_rows]
    if batch_size is not None:
        full = [batch_size] if batch_size <= num_rows else []
        batches = [*full, num_rows % batch_size]
    for rows in batches:
        if rows % shares:
            raise ValueError(
                f"{shares} devices must be able to split every batch in equal parts. "
                "Drop what is left of an epoch in training "
                "(`ShuffledBatches(drop_last=True)`), and fill it up in evaluation "
                f"(`PaddedBatches`). Received: a batch of {rows} images"
            )
    received = gather_objects([num_rows, batch_size])
    if any(other != received[0] for other in received):
        raise ValueError(
            "All processes must be given equally many images: each its own share of "
            "every batch, as `shard` of the datasets makes it. Received (images, "
            f"batch_size) per process: {received}"
        )


def check_optimizer(optimizer):
    """Raises a `ValueError` if an optimizer would let torch processes drift apart."""
    if in_group() and not getattr(optimizer, "averages_gradients", optimizer is None):
        raise ValueError(
            "Several torch processes can train with `SphereAdamW` only, which averages "
            f"their gradients. Received: optimizer={type(optimizer).__name__}"
        )


def check_engine(one_batch=False):
    """Raises a `ValueError` if a distribution is set that would not work.

    Keras ignores its own distributions but on JAX, fails inside `fit` with
    TensorFlow's strategies of several workers, and gives each TensorFlow replica the
    whole batch in the one-batch methods.

    Args:
        one_batch: Boolean. Whether it is about `train_on_batch`, `test_on_batch`.
    """
    backend = keras.backend.backend()
    if backend != "jax" and keras.distribution.distribution() is not None:
        raise ValueError(
            f"`keras.distribution` does nothing on {backend}. Use "
            '`keras_sphere.distribution.setup("data_parallel")`, which takes '
            "MirroredStrategy on TensorFlow and torchrun on PyTorch; or "
            f"KERAS_BACKEND=jax. Received: {keras.distribution.distribution()}"
        )
    strategy = tensorflow_strategy()
    if strategy is not None:
        name = type(strategy).__name__
        # (The class of MultiWorkerMirroredStrategy is CollectiveAllReduceStrategy.)
        if re.search("MultiWorker|CollectiveAllReduce|ParameterServer", name):
            raise ValueError(
                "Keras does not train over several TensorFlow workers. Use "
                "tf.distribute.MirroredStrategy on one host, or several hosts with "
                f"KERAS_BACKEND=jax or =torch. Received: {name}"
            )
        if one_batch and strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "On TensorFlow `train_on_batch` and `test_on_batch` would give every "
                "replica the whole batch. Use `fit` and `evaluate`. Received: "
                f"{strategy.num_replicas_in_sync} replicas"
            )


def check_export_format(format):
    """Raises a `ValueError` if the backend cannot write programs in this format.

    Args:
        format: String. See `keras.Model.export`.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        call = 'export("program.pt2", format="torch")'
        can = format != "tf_saved_model" or importlib.util.find_spec("torch_xla")
    else:
        call = 'export("folder", format="tf_saved_model")'
        refused = ("torch", "litert") if backend == "jax" else ("torch",)
        can = format not in refused
    if not can:
        raise ValueError(
            f"{backend} cannot write this format here. Use `{call}`. "
            f"Received: format={format!r}"
        )
