"""What the device that trains is, and how much memory it has."""

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
        device = jax.devices()[0]
        return None if device.platform == "cpu" else device.device_kind
    if BACKEND == "tensorflow":
        devices = tf.config.list_logical_devices()
        kinds = [
            device.device_type for device in devices if device.device_type != "CPU"
        ]
        return kinds[0] if kinds else None
    device = keras.ops.convert_to_tensor(0.0).device
    return None if device.type == "cpu" else _torch_name(device)


def free_accelerator_memory():
    """Bytes that are free on the accelerator; `None` if it does not say."""
    if BACKEND == "jax":
        stats = jax.devices()[0].memory_stats() or {}
        if "bytes_limit" in stats:
            return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    if BACKEND == "torch" and torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0]
    return None


def _torch_name(device):
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return device.type
