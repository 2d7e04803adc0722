"""Trains, with logs, checkpoints and presets, and says whether TensorFlow was imported.

python -m tests.training.run_without_tensorflow FOLDER
"""

import pathlib
import sys

from keras_sphere.training import train
from tests.training.small_runs import batches, save_recipe


def main(folder):
    save_recipe(folder / "recipe")
    train(
        folder / "recipe",
        batches(),
        folder / "run",
        max_steps=1,
        log_images_every=0,
        tensorboard=True,
        verbose="0",
    )
    print("TensorFlow:", "tensorflow" in sys.modules)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
