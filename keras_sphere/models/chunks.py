"""Work on many images, a chunk at a time, that leaves the device no pause."""

import contextlib
import contextvars
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from keras_sphere.backend.operations import COMPILES
from keras_sphere.backend.replicas import local_shares, num_sharers, share_chunks
from keras_sphere.validation import read_integer

DEFAULT_BATCH_SIZE = 64
_watch = contextvars.ContextVar("watch", default=None)


@contextlib.contextmanager
def watched_chunks(watch):
    """In its block a function is called before each chunk that this thread computes.

    Args:
        watch: Callable without arguments. What it raises ends the work.
    """
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def bucket(count, least=1):
    """The size that programs are compiled for, to serve `count`: a power of two."""
    return max(least, 1 << (count - 1).bit_length())


def one_ahead(function, items):
    """Yields `function(item)` of each item, called in a thread, one item ahead.

    While a result is in use the thread works on the next one, and never on more: two
    results exist at most. Such loops can be nested: in `one_ahead(copy, map(compute,
    one_ahead(prepare, items)))` only `compute` runs in the thread that asks.

    Args:
        function: Callable of an item.
        items: Iterable, which is read in the thread that asks.
    """
    with ThreadPoolExecutor(1) as thread:
        pending = None
        for item in items:
            following = thread.submit(function, item)
            if pending is not None:
                yield pending.result()
            pending = following
        if pending is not None:
            yield pending.result()


def in_chunks(
    prepare,
    compute,
    arrays,
    num_images,
    batch_size=None,
    fetch=keras.ops.convert_to_numpy,
):
    """Runs a computation on chunks of one size and joins what it returns.

    While a chunk is computed, one thread prepares the next one on the host, and
    another copies the result of the last one to the host.

    The last chunk is filled up with copies of its last row, so that one compiled
    program serves all chunks. Fewer images than `batch_size` are filled up to the
    next power of two where programs are compiled for a size, so that all counts
    share a few programs. Torch processes that train together share the chunks;
    elsewhere the devices share the rows of each.

    Args:
        prepare: Callable of `(indices, *chunks)`, where `indices` are the positions
            of the chunk's rows, that returns what `compute` takes; NumPy only.
        compute: Callable that returns a tensor: latents `(rows, tokens, channels)`,
            images `(rows, height, width, channels)` or images with one axis more in
            front.
        arrays: List of arrays of `num_images` rows, or `None`.
        num_images: Integer, at least 1.
        batch_size: Integer or `None` for 64.
        fetch: Callable that makes a NumPy array of that tensor.

    Returns:
        Array of `num_images` rows.
    """
    num_images = read_integer("num_images", num_images)
    if batch_size is None:
        batch_size = DEFAULT_BATCH_SIZE
    batch_size = read_integer("batch_size", batch_size)
    own_images = -(-num_images // num_sharers())
    batch_size = min(batch_size, bucket(own_images) if COMPILES else own_images)
    batch_size = -(-batch_size // local_shares()) * local_shares()

    def rows_from(start):
        indices = np.arange(start, start + batch_size)
        rows = np.minimum(indices, num_images - 1)
        return prepare(indices, *(None if a is None else a[rows] for a in arrays))

    watch = _watch.get()

    def compute_watched(inputs):
        if watch is not None:
            watch()
        return compute(inputs)

    def run(starts):
        prepared = one_ahead(rows_from, starts)
        return list(one_ahead(fetch, map(compute_watched, prepared)))

    chunks = share_chunks(run, range(0, num_images, batch_size))
    row_axis = max(chunks[0].ndim - 4, 0)
    kept = range(num_images)
    return np.take(np.concatenate(chunks, axis=row_axis), kept, axis=row_axis)
