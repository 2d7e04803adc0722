"""Inference that devices share by the rows, and torch processes by the chunk."""

import keras
import numpy as np

from keras_sphere.backend.replicas.global_batch import num_shares
from keras_sphere.backend.replicas.process_group import (
    gather_objects,
    in_group,
    processes,
)

BACKEND = keras.backend.backend()

if BACKEND == "jax":
    import jax
elif BACKEND == "tensorflow":
    import tensorflow as tf


def num_sharers():
    """How many processes share the chunks of an inference."""
    return processes()[1] if in_group() else 1


def share_chunks(function, items):
    """Values of many items, which the torch processes share.

    Args:
        function: Callable of a sequence of items that returns the list of their
            values; they must not depend on the process.
        items: Sequence.

    Returns:
        List of all values, on every process.
    """
    if not in_group():
        return function(items)
    index, count = processes()
    values = gather_objects(function(items[index::count]))
    return [values[i % count][i // count] for i in range(len(items))]


def run_split(program, weights, inputs, row_axes, output_axis=0):
    """Runs a compiled program with the rows of its inputs split over the devices.

    Args:
        program: What `compiled` returned, a callable of `weights` and `inputs`.
        weights: List of tensors.
        inputs: Dict of tensors, or `None`.
        row_axes: Dict from names of inputs to the axis of their rows. What is not in
            it every device takes whole. If the devices do not divide the rows, each
            computes all of them.
        output_axis: Integer. Axis of the rows of the result.

    Returns:
        Tensor: the rows of all devices, together.
    """
    shares = num_shares()
    split = {name: axis for name, axis in row_axes.items() if inputs[name] is not None}
    rows = min(inputs[name].shape[axis] for name, axis in split.items())
    if shares == 1 or rows % shares or BACKEND == "torch":
        return program(weights, inputs)
    if BACKEND == "jax":
        placed = {name: _split_rows(inputs[name], axis) for name, axis in split.items()}
        return program(weights, {**inputs, **placed})
    return _run_on_replicas(program, weights, inputs, split, output_axis)


def _run_on_replicas(program, weights, inputs, split, output_axis):
    strategy = tf.distribute.get_strategy()
    count = strategy.num_replicas_in_sync
    parts = {name: tf.split(inputs[name], count, axis) for name, axis in split.items()}
    own = strategy.experimental_distribute_values_from_function(
        lambda context: {
            name: part[context.replica_id_in_sync_group] for name, part in parts.items()
        }
    )
    outputs = strategy.run(lambda own: program(weights, {**inputs, **own}), args=(own,))
    return tf.concat(strategy.experimental_local_results(outputs), axis=output_axis)


def _split_rows(value, axis):
    """A JAX array of which every device has its share of the rows."""
    layout = keras.distribution.distribution().get_data_layout(value.shape[axis:])
    spec = layout.backend_layout.spec
    sharding = jax.sharding.NamedSharding(
        layout.backend_layout.mesh,
        jax.sharding.PartitionSpec(*(None,) * axis, *spec),
    )
    return _placed(value, sharding)


def _placed(value, sharding):
    if jax.process_count() == 1:
        return jax.device_put(value, sharding)
    value = np.asarray(value)
    return jax.make_array_from_callback(value.shape, sharding, value.__getitem__)
