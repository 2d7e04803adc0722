"""The smallest recipe, and data for it."""

import csv

from keras_sphere.data import ShuffledBatches
from tests import tiny_models

STEPS_PER_EPOCH, EPOCHS = 4, 3


def save_recipe(path):
    """Saves the tiny model of the tests as a preset with a recipe."""
    model = tiny_models.new_model()
    model.compile()
    notes = {"epochs": EPOCHS, "min_learning_rate": 1e-5, "warmup_epochs": 1}
    model.save_to_preset(path, training=notes)


def batches():
    """Images and labels that start anywhere."""
    count = 4 * STEPS_PER_EPOCH
    images, labels = tiny_models.new_images(count), tiny_models.new_labels(count)
    return ShuffledBatches(images, labels, batch_size=4, seed=7)


def rows(folder):
    """The rows of a run's log, as dicts of strings."""
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))
