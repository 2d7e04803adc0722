"""Images of your own: a folder of class folders, a flat folder, a zip or a list.

    pip install "keras-sphere[jax,data,train]"
    KERAS_BACKEND=jax python examples/train_folder.py photos/
    KERAS_BACKEND=jax python examples/train_folder.py photos/ --dry_run    # measures
    KERAS_BACKEND=jax python examples/train_folder.py photos/ --preset=cifar10

The same as `python -m keras_sphere train photos/`. Size of the images and the model,
batch, noise and number of steps are chosen from the images, for this machine and an
hour (`--hours`), and printed with the flags that change them; `--preset` takes a recipe
instead. Class folders give a model with classes, `--noconditional` one without; a flat
folder has none. Images that cannot be read are counted and named. From 30 images a
tenth is held out, for pictures and the memorization alarm. The same command goes on
with a run that was interrupted. docs/training.md says more.

Verified: the tests train on drawn shapes on each backend, and kill a training a few
times; fifty times on each backend by `tests/training/killed_trainings.py`.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
