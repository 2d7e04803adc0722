"""What a training can count on: the device, its memory and its speed."""

import dataclasses
import time

import keras

from keras_sphere.backend.devices import (
    accelerator,
    describe_machine,
    free_accelerator_memory,
)
from keras_sphere.training.memory import free_host_memory

# Sides of the matrices that are multiplied, and how often, to see how fast it goes.
_SIDES = {"cpu": 1024, "accelerator": 8192}
_REPEATS = 5
# Of the speed at large products, what whole trainings of small models reach: measured
# on 2 CPU cores; on accelerators a guess, which the first steps correct.
_REACHED = {"cpu": 0.6, "accelerator": 0.15}


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a training can count on.

    Args:
        name: String, for people.
        is_cpu: Boolean.
        free_bytes: Integer, memory; `None` if unknown.
        operations: Float. Multiplications and additions per second in a training.
    """

    name: str
    is_cpu: bool
    free_bytes: int | None
    operations: float


def look_at_machine():
    """Measures this machine, for about a second.

    Returns:
        `Machine`.
    """
    is_cpu = accelerator() is None
    kind = "cpu" if is_cpu else "accelerator"
    return Machine(
        name=describe_machine(),
        is_cpu=is_cpu,
        free_bytes=free_host_memory() if is_cpu else free_accelerator_memory(),
        operations=_REACHED[kind] * _product_speed(_SIDES[kind], not is_cpu),
    )


def _product_speed(side, is_half):
    """Multiplications and additions per second in products of large matrices."""
    matrix = keras.ops.ones((side, side), "bfloat16" if is_half else "float32")
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        product = keras.ops.matmul(matrix, matrix)
        float(product[0, 0])  # waits until it is there
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best
