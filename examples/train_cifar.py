"""CIFAR-10 by the paper's recipe: 32 px, 10 classes, 264 million parameters.

    pip install "keras-sphere[jax,data,train]"
    KERAS_BACKEND=jax python examples/train_cifar.py                   # on a GPU
    KERAS_BACKEND=jax python examples/train_cifar.py --dry_run         # measures
    KERAS_BACKEND=jax python examples/train_cifar.py --dataset=digits  # a trial

Every number comes from the preset `cifar10`; each flag of `--help=all` overrides one.
The same command goes on with a run that was interrupted. docs/training.md says more.

Data: 50,000 images; Keras downloads them (170 MB). The perceptual network of the recipe
needs files of weights; `--perceptual=gradient` or `none` needs none.

Hardware and time: 5.3 GB for weights, optimizer, average and gradients, activations on
top; 5000 epochs are 15.6 million steps of 16 images, 16 for each device, or 1.95
million of the paper's 128 (`--batch_size=128`).

Verified, on 2 CPU cores: trials on `--dataset=digits` on JAX and PyTorch; the tests run
a short one on each backend. Not verified: the recipe on CIFAR-10 itself, for want of a
GPU.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["train", "--preset=cifar10", *sys.argv[1:]]))
