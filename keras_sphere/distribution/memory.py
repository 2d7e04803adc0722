"""Memory of a training's variables per device, from their shapes alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from keras_sphere.backend.valueless import Valueless
from keras_sphere.distribution.layouts import split_dimension
from keras_sphere.models import SphereEncoderBackbone
from keras_sphere.validation import check_choice, read_integer

# Copies of a trained variable that a step of `SphereAdamW` holds.
COPIES = ("weights", "gradients", "first_moments", "second_moments", "moving_average")


def abstract_variables(architecture: Mapping[str, Any]) -> list[Any]:
    """The variables of a backbone, with shapes and no values.

    Args:
        architecture: Dict. Arguments of `SphereEncoderBackbone`, such as the
            `architecture` of a preset's `config.json`.

    Returns:
        List of Keras variables that take no memory.
    """
    with Valueless():
        variables = SphereEncoderBackbone(**architecture).variables
    return variables


def memory_per_device(
    variables: Iterable[Any],
    mode: str = "none",
    model_devices: int = 1,
    layout: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, int]:
    """Bytes of weights, gradients and optimizer state on each device.

    Activations come on top: they grow with the batch of a device, and depend on
    rematerialization and on the compiler.

    Args:
        variables: Variables with shapes, such as `abstract_variables` returns.
        mode: `"none"`, `"data_parallel"` or `"model_parallel"`.
        model_devices: Integer. Devices that share one model.
        layout: Dict of pattern -> dimensions; see `LAYOUT`.

    Returns:
        Dict of bytes: `weights`, `gradients`, `first_moments`, `second_moments`,
        `moving_average` and `total`.
    """
    check_choice("mode", mode, ("none", "data_parallel", "model_parallel"))
    model_devices = read_integer("model_devices", model_devices)
    parts = model_devices if mode == "model_parallel" else 1
    trained = fixed = 0
    for variable in variables:
        shape = tuple(variable.shape)
        size = math.prod(shape) * np.dtype(variable.dtype).itemsize
        if split_dimension(variable.path, shape, parts, layout) is not None:
            size //= parts
        if variable.trainable:
            trained += size
        else:
            fixed += size
    memory = dict.fromkeys(COPIES, trained)
    memory["weights"] += fixed
    return {**memory, "total": sum(memory.values())}
