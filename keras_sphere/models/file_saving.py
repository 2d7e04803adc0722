"""Model files that are never half written."""

import os

from keras_sphere.backend.unasked_tensorflow import without_tensorflow
from keras_sphere.files.atomic_file import check_space, replace_when_done
from keras_sphere.preset_files.weights_file import estimate_bytes


class FileSaving:
    """Mixin of `SphereEncoderModel`: `save` and `save_weights` replace files at once.

    It stands in front of `keras.Model`. A process that is killed, or a disk that is
    full, leaves an earlier file of that name as it was. What is not one local file
    (folders, shards, `hf://`) is saved as Keras does.
    """

    @without_tensorflow()
    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Saves the whole model to a `.keras` file; see `keras.Model.save`.

        Raises:
            OSError: If the disk is full; an earlier file is as it was.
        """
        if not overwrite or zipped is False or not _is_file(filepath, ".keras"):
            return super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)
        with replace_when_done(filepath) as temporary:
            check_space(temporary, self._count_bytes())
            return super().save(temporary, **kwargs)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """Saves the weights to a `.weights.h5` file; see `keras.Model.save_weights`.

        Raises:
            OSError: If the disk is full; an earlier file is as it was.
        """
        is_plain = overwrite and max_shard_size is None
        if not is_plain or not _is_file(filepath, ".weights.h5"):
            return super().save_weights(filepath, overwrite, max_shard_size)
        with replace_when_done(filepath) as temporary:
            check_space(temporary, self._count_bytes())
            return super().save_weights(temporary)

    def save_own_variables(self, store):
        """Keeps `batch_range`, a note about the last batch, out of files."""

    def load_own_variables(self, store):
        """Called first, whatever is loaded: what was averaged is there no more."""
        lose = getattr(getattr(self, "optimizer", None), "lose_moving_average", None)
        if lose is not None:
            lose()

    def _count_bytes(self):
        """About the size of a file of the whole model."""
        optimizer = getattr(self, "optimizer", None)
        networks = getattr(self, "frozen_networks", ())
        unsaved = [getattr(network, "unsaved_weights", ()) for network in networks]
        left_out = {id(v) for variables in unsaved for v in variables}
        variables = [v for v in self.weights if id(v) not in left_out]
        variables += optimizer.variables if optimizer else []
        return estimate_bytes(variables)


def _is_file(path, suffix):
    path = os.fspath(path)
    return path.endswith(suffix) and "://" not in path
