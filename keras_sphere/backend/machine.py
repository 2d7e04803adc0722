"""What this process computes on, in words."""

import os

import keras

BACKEND = keras.backend.backend()

if BACKEND == "jax":
    import jax
elif BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "torch":
    import torch


def describe_machine(num_devices=1):
    """The accelerator, or else how many CPU cores this process may use.

    Args:
        num_devices: Integer. How many devices share the work.

    Returns:
        String, such as `"2 CPU cores"` or `"8 x NVIDIA H100"`.
    """
    name = _accelerator()
    if name is not None:
        return f"{num_devices} x {name}" if num_devices > 1 else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    cores = cores or os.cpu_count() or 1
    return f"{cores} CPU core{'s' if cores > 1 else ''}"


def _accelerator():
    """Name of the backend's first device that is no CPU; `None` if it has none."""
    if BACKEND == "jax":
        names = [d.device_kind for d in jax.local_devices() if d.platform != "cpu"]
    elif BACKEND == "tensorflow":
        details = tf.config.experimental.get_device_details
        devices = tf.config.list_physical_devices("GPU")
        names = [details(device).get("device_name", "GPU") for device in devices[:1]]
    else:
        has_gpu = BACKEND == "torch" and torch.cuda.is_available()
        names = [torch.cuda.get_device_name()] if has_gpu else []
    return names[0] if names else None
