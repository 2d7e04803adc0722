"""Saves on a disk that becomes full, prints the error, and checks what is left.

python -m tests.training.full_disk checkpoint|preset|save|save_weights PATH
"""

import pathlib
import resource
import sys

import keras
import numpy as np

import keras_sphere
from keras_sphere.training.checkpoint_store import CheckpointStore
from keras_sphere.training.training_state import Position, load_state, save_state
from tests import tiny_models

LIMIT = 50_000  # bytes


def new_model():
    model = tiny_models.new_model()
    model.compile()
    model.optimizer.build(model.trainable_variables)
    return model


def save_twice(what, path):
    """Saves a model, then another one beside or over it when the disk is full."""
    model, other = new_model(), new_model()
    other.backbone.set_weights([2.0 * w for w in model.backbone.get_weights()])
    if what == "checkpoint":
        store = CheckpointStore(path)

        def save(model):
            store.save(lambda folder: save_state(model, folder, Position(), 1, 0))

        def load(model):
            assert len(store.entries()) == 1
            load_state(model, store.open(store.entries()[0]))
    elif what == "preset":

        def save(model):
            model.save_to_preset(path, overwrite=True)

        def load(model):
            loaded = keras_sphere.presets.load(path)
            model.backbone.set_weights(loaded.backbone.get_weights())

    else:
        suffix = {"save": ".keras", "save_weights": ".weights.h5"}[what]
        file = pathlib.Path(f"{path}{suffix}")

        def save(model):
            getattr(model, what)(file)

        def load(model):
            model.load_weights(file)
            assert list(file.parent.iterdir()) == [file]

    save(model)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
    try:
        save(other)
    except OSError as error:
        print("OSError", error)
    load(other)
    pairs = (m.backbone.get_weights() for m in (other, model))
    for a, b in zip(*pairs, strict=True):
        np.testing.assert_array_equal(a, b)
    print("as before on", keras.backend.backend())


if __name__ == "__main__":
    save_twice(*sys.argv[1:])
