"""Which part of the global batch the code that runs now sees."""

import keras

from keras_sphere.backend.replicas.process_group import in_group, processes

BACKEND = keras.backend.backend()

if BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "torch":
    import torch


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
    return processes() if in_group() else (0, 1)


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
    count = replica()[1]
    if count == 1:
        return draw(shape)
    return own_rows(draw((shape[0] * count, *shape[1:])))


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


def global_rows(rows):
    """The rows of all replicas, one replica's after the other's.

    Args:
        rows: Tensor of shape `(batch, ...)`.
    """
    return keras.ops.reshape(gather_replicas(rows), (-1, *rows.shape[1:]))


def own_rows(rows):
    """This replica's rows of those of the global batch."""
    index, count = replica()
    return keras.ops.reshape(rows, (count, -1, *rows.shape[1:]))[index]


def num_shares():
    """Into how many parts the global batch is split over devices."""
    if BACKEND == "jax":
        distribution = keras.distribution.distribution()
        return 1 if distribution is None else distribution.num_model_replicas
    if BACKEND == "tensorflow":
        return tf.distribute.get_strategy().num_replicas_in_sync
    return replica()[1]


def local_shares():
    """Into how many parts the rows that this process passes are split."""
    return max(num_shares() // processes()[1], 1)


def tensorflow_strategy():
    """The `tf.distribute.Strategy` in whose scope this runs; `None` elsewhere."""
    return tf.distribute.get_strategy() if BACKEND == "tensorflow" else None
