"""What this process computes on, and how much memory that has."""

import os

import keras

from keras_sphere.backend.operations import BACKEND

if BACKEND == "jax":
    import jax
elif BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "torch":
    import torch


def accelerator():
    """Name of the GPU or TPU that this process trains on; `None` for the CPU."""
    if BACKEND == "jax":
        device = jax.local_devices()[0]
        return None if device.platform == "cpu" else device.device_kind
    if BACKEND == "tensorflow":
        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            details = tf.config.experimental.get_device_details(gpus[0])
            return details.get("device_name", "GPU")
        return "TPU" if tf.config.list_logical_devices("TPU") else None
    device = keras.ops.convert_to_tensor(0.0).device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return None if device.type == "cpu" else device.type


def describe_machine(num_devices=1):
    """The accelerator, or else how many CPU cores this process may use.

    Args:
        num_devices: Integer. How many devices share the work.

    Returns:
        String, such as `"2 CPU cores"` or `"8 x NVIDIA H100"`.
    """
    name = accelerator()
    if name is not None:
        return f"{num_devices} x {name}" if num_devices > 1 else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    cores = cores or os.cpu_count() or 1
    return f"{cores} CPU core{'s' if cores > 1 else ''}"


def free_accelerator_memory():
    """Bytes that are free on the accelerator; `None` if it does not say."""
    if BACKEND == "jax":
        stats = jax.local_devices()[0].memory_stats() or {}
        if "bytes_limit" in stats:
            return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    if BACKEND == "torch" and torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0]
    return None
