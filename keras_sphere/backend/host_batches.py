"""Batches that Python code makes, as every backend takes them: in order, as they are.

Keras makes a tf.data pipeline of them on TensorFlow. That casts every batch to the
dtype of the first, reads ahead, so that what a generator had yielded is lost where an
epoch ends, and starts a thread that tunes it: it sleeps for up to a minute at a time,
and whoever drops the pipeline waits for it, though a process that got SIGTERM has no
minute left. JAX and PyTorch read one batch when it is needed, and so does this.
"""

import keras
from keras.src.trainers import data_adapters
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from keras_sphere.backend.engine_checks import check_rows

BACKEND = keras.backend.backend()

if BACKEND == "tensorflow":
    import tensorflow as tf


def read_in_step(
    model, x, y=None, sample_weight=None, shuffle=False, class_weight=None
):
    """Lets a model read generators, `PyDataset`s and `DataLoader`s batch by batch.

    Args:
        model: `keras.Model` that is to read them.
        x: What Keras takes as `x`; and so are the other arguments.

    Returns:
        What Keras is to take in place of `x`: the same, but on TensorFlow for what is
        neither arrays nor a `tf.data.Dataset`.
    """
    if BACKEND != "tensorflow" or not _is_made_by_python(x):
        return x
    adapter = data_adapters.get_data_adapter(
        x, y, sample_weight, shuffle=shuffle, class_weight=class_weight
    )
    return _HostBatches(model, adapter)


def _is_made_by_python(data):
    is_whole = isinstance(data, dict) or hasattr(data, "shape")
    datasets = (tf.data.Dataset, tf.distribute.DistributedDataset)
    return hasattr(data, "__iter__") and not (is_whole or isinstance(data, datasets))


if BACKEND == "tensorflow":

    class _HostBatches(DataAdapter, tf.distribute.DistributedDataset):
        """One of Keras' data adapters, without the tf.data pipeline.

        Keras takes it as distributed already: every batch is, on its way to the step.
        """

        def __init__(self, model, adapter):
            self.model = model
            self.adapter = adapter

        def get_tf_dataset(self):
            return self

        def __iter__(self):
            return _Batches(self.model, self.adapter.get_numpy_iterator())

        @property
        def num_batches(self):
            return self.adapter.num_batches

        def on_epoch_begin(self):
            self.adapter.on_epoch_begin()

        def on_epoch_end(self):
            self.adapter.on_epoch_end()

    class _Batches:
        """Iterator that ends as Keras' steps expect of one that tf.data does not own.

        They take `steps_per_execution` batches of it, fewer if it ends, and pass over
        an end only if it is no `StopIteration`.
        """

        def __init__(self, model, batches):
            self.strategy = model.distribute_strategy
            self.steps_per_execution = model.steps_per_execution
            self.batches = batches
            self.num_read = 0

        def __iter__(self):
            return self

        def __next__(self):
            batch = next(self.batches, None)
            if batch is not None:
                self.num_read += 1
                return keras.tree.map_structure(self._tensor, batch)
            if self.num_read % self.steps_per_execution:
                self.num_read = 0
                raise StopIteration
            raise tf.errors.OutOfRangeError(None, None, "The data have ended.")

        def _tensor(self, array):
            """A tensor; of several replicas each has its share of the rows."""
            replicas = self.strategy.num_replicas_in_sync
            if array is None or replicas == 1:
                return None if array is None else tf.convert_to_tensor(array)
            check_rows(len(array))
            parts = tf.split(array, replicas)
            return self.strategy.experimental_distribute_values_from_function(
                lambda context: parts[context.replica_id_in_sync_group]
            )
