"""Training on many devices, by the engine that each backend has.

`setup` starts it and returns `Devices`, within which a model is made and trained:
JAX shards arrays over a mesh of devices on one or many hosts, TensorFlow mirrors the
model over the devices of one host, PyTorch runs one process per device.
"""

from keras_sphere.distribution.devices import Devices
from keras_sphere.distribution.engines import setup
from keras_sphere.distribution.flags import define_flags, setup_from_flags
from keras_sphere.distribution.layouts import LAYOUT, ShardedModel
from keras_sphere.distribution.memory import abstract_variables, memory_per_device

__all__ = [
    "LAYOUT",
    "Devices",
    "ShardedModel",
    "abstract_variables",
    "define_flags",
    "memory_per_device",
    "setup",
    "setup_from_flags",
]
