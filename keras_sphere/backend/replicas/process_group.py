"""The processes that train one model together, and what they tell each other.

On JAX those that `jax.distributed` joined, on torch the process group; TensorFlow
trains in one process.
"""

import contextlib

import keras
import numpy as np

BACKEND = keras.backend.backend()

if BACKEND == "jax":
    import jax
    from jax.experimental import multihost_utils
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


def processes():
    """Pair `(index, count)` of this process among those that train together."""
    if BACKEND == "jax":
        return jax.process_index(), jax.process_count()
    if in_group():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def wait_for_processes(name):
    """Waits until every process is here; `name` says where."""
    if processes()[1] == 1:
        return
    if BACKEND == "jax":
        multihost_utils.sync_global_devices(name)
    else:
        torch.distributed.barrier()


def largest_of_processes(value):
    """The largest of the integers that the processes pass, on each of them.

    Every process must call it; on TensorFlow, and where one trains, it is `value`.

    Args:
        value: Integer of at most 31 bits.

    Returns:
        Integer.
    """
    if processes()[1] == 1:
        return value
    if BACKEND == "jax":
        return int(multihost_utils.process_allgather(np.int32(value)).max())
    message = keras.ops.convert_to_tensor(value, "int32")
    torch.distributed.all_reduce(message, torch.distributed.ReduceOp.MAX)
    return int(message)


def gather_objects(value):
    """List of what every torch process passed; on the others `[value]`."""
    if not in_group():
        return [value]
    values = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values


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
