"""One global batch on several devices or processes: what each of them sees of it.

Every engine keeps its own state, so this holds for one that a user has set up, too:
on JAX the distribution of Keras, on TensorFlow the strategy whose scope is open, on
torch the process group.
"""

import contextlib

import keras
import numpy as np

BACKEND = keras.backend.backend()

if BACKEND == "jax":
    import jax
    from jax.experimental import multihost_utils
elif BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "torch":
    import torch

BUCKET_BYTES = 2**26


def in_group():
    """Whether this is one of several torch processes that train together."""
    return BACKEND == "torch" and (
        torch.distributed.is_available()
        and torch.distributed.is_initialized()
        and torch.distributed.get_world_size() > 1
    )


def all_reduced(tensors):
    """Sums of tensors over all processes, in messages of about 64 MB."""
    results, bucket, size = [], [], 0
    for index, tensor in enumerate(tensors):
        bucket.append(tensor)
        size += tensor.numel() * tensor.element_size()
        following = tensors[index + 1 : index + 2]
        is_alike = following and following[0].dtype == tensor.dtype
        if size >= BUCKET_BYTES or not is_alike:
            flat = torch.cat([t.reshape(-1) for t in bucket])
            torch.distributed.all_reduce(flat)
            parts = flat.split([t.numel() for t in bucket])
            results += [
                part.view(t.shape) for part, t in zip(parts, bucket, strict=True)
            ]
            bucket, size = [], 0
    return results


def replica():
    """Which rows of the global batch the code that runs now computes.

    On TensorFlow the replica of the strategy, on torch the process of the group. A
    JAX program computes the global batch, on however many devices.

    Returns:
        Pair `(index, count)`: rows `index * rows` to `(index + 1) * rows` of
        `count * rows`.
    """
    if BACKEND == "tensorflow":
        context = tf.distribute.get_replica_context()
        if context is not None:
            return context.replica_id_in_sync_group, context.num_replicas_in_sync
    if in_group():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def draw_for_batch(draw, shape):
    """Random numbers of this replica's rows, out of those of the global batch.

    All replicas have equal seeds, so each draws for the global batch and keeps its
    own rows: no two examples share a draw, what is stratified is so over the global
    batch, and any number of devices draws what one would.

    Args:
        draw: Callable of a shape.
        shape: Tuple. Shape of the rows of this replica.

    Returns:
        Tensor of that shape.
    """
    index, count = replica()
    if count == 1:
        return draw(shape)
    values = draw((shape[0] * count, *shape[1:]))
    return keras.ops.reshape(values, (count, -1, *shape[1:]))[index]


def gather_replicas(values):
    """Stacks the tensors of all replicas along a new first axis."""
    if BACKEND == "tensorflow":
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            return context.all_gather(values[None], axis=0)
    if in_group() and not values.is_meta:
        parts = [
            torch.empty_like(values) for _ in range(torch.distributed.get_world_size())
        ]
        torch.distributed.all_gather(parts, values.detach().contiguous())
        return torch.stack(parts)
    return values[None]


def processes():
    """Pair `(index, count)` of this process among those that train together."""
    if BACKEND == "jax":
        return jax.process_index(), jax.process_count()
    if BACKEND == "torch":
        return replica()
    return 0, 1


def num_shares():
    """Into how many parts the global batch is split over devices."""
    if BACKEND == "jax":
        distribution = keras.distribution.distribution()
        return 1 if distribution is None else distribution.num_model_replicas
    if BACKEND == "tensorflow":
        return tf.distribute.get_strategy().num_replicas_in_sync
    return replica()[1]


def tensorflow_strategy():
    """The `tf.distribute.Strategy` in whose scope this runs; `None` elsewhere."""
    return tf.distribute.get_strategy() if BACKEND == "tensorflow" else None


def local_shares():
    """Into how many parts the rows that this process passes are split."""
    return max(num_shares() // processes()[1], 1)


def wait_for_processes(name):
    """Waits until every process is here; `name` says where."""
    if processes()[1] == 1:
        return
    if BACKEND == "jax":
        multihost_utils.sync_global_devices(name)
    else:
        torch.distributed.barrier()


def make_equal_on_processes(variables):
    """Gives all processes the values of the first one (torch; JAX has one array)."""
    if in_group():
        with torch.no_grad():
            for variable in variables:
                torch.distributed.broadcast(variable.value.data, src=0)


@contextlib.contextmanager
def summed_over_processes(variables):
    """Context in which additive variables (of metrics) hold the sums of all processes.

    TensorFlow sums such variables itself when it reads them, and JAX has one.
    """
    values = [variable.value for variable in variables]
    is_needed = in_group() and values
    if not is_needed or any(value.is_meta for value in values):
        yield
        return
    own = [value.detach().clone() for value in values]
    for variable, total in zip(variables, all_reduced(own), strict=True):
        variable.assign(total)
    try:
        yield
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)


def own_part_of_sum(value):
    """What this process holds of a sum that was read by `summed_over_processes`."""
    is_first = processes()[0] == 0 or BACKEND != "torch"
    return value if is_first else np.zeros_like(value)


@contextlib.contextmanager
def whole_variables(variables):
    """Context in which this process can read variables that lie in several ones.

    Every process must enter it: the parts are sent around.
    """
    if BACKEND != "jax" or processes()[1] == 1:
        yield
        return
    scattered = [
        (variable, variable.value)
        for variable in variables
        if not variable.value.is_fully_replicated
    ]
    for variable, value in scattered:
        variable._value = whole_arrays(value)
    try:
        yield
    finally:
        for variable, value in scattered:
            variable._value = value


@contextlib.contextmanager
def alone():
    """Context for what one process does without the others, such as to write files.

    Keras makes variables while it saves, and would lay them over all processes.
    """
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def whole_arrays(tree):
    """NumPy arrays of JAX arrays, of which this process may hold a part only."""

    def whole(array):
        if processes()[1] == 1 or array.is_fully_replicated:
            return np.asarray(array)
        return multihost_utils.process_allgather(array, tiled=True)

    return keras.tree.map_structure(whole, tree)


def gather_objects(value):
    """List of what every torch process passed; on the others `[value]`."""
    if not in_group():
        return [value]
    values = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values


def num_sharers():
    """How many processes share the chunks of an inference."""
    return replica()[1] if in_group() else 1


def share_chunks(function, items):
    """Values of a function of many items, which the torch processes share.

    Args:
        function: Callable of an item; it must not depend on the process.
        items: Sequence.

    Returns:
        List of all values, on every process.
    """
    if not in_group():
        return [function(item) for item in items]
    index, count = replica()
    values = gather_objects([function(item) for item in items[index::count]])
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
