"""Fashion-MNIST on two CPU cores: 28 px, 10 classes, 1.1 million parameters.

    pip install "keras-sphere[jax,data,train]"
    KERAS_BACKEND=jax python examples/train_fashion.py
    KERAS_BACKEND=jax python examples/train_fashion.py --dry_run       # measures

Every number comes from the preset `fashion28`; each flag of `--help=all` overrides one.
The same command goes on with a run that was interrupted. docs/training.md says more.

Data: 31 MB, from Debian's package dataset-fashion-mnist or by Keras' download.
Hardware and time: 24 epochs of 1,200 steps, 5 minutes each on a quiet CPU core with
PyTorch (217 images/s; `OMP_NUM_THREADS=1`), so two hours. Verified: 13 epochs in three
runs (the card of the preset has how, and its figures), and the tests' trial on each
backend. Not verified: all 24 at a stretch.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["train", "--preset=fashion28", *sys.argv[1:]]))
