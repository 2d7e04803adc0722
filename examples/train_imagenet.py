"""ImageNet by the paper's recipe: 256 px, 1000 classes; and at 64 px.

    pip install "keras-sphere[jax,data,train]"
    KERAS_BACKEND=jax python examples/train_imagenet.py                 # large
    KERAS_BACKEND=jax python examples/train_imagenet.py --preset=imagenet256_xlarge
    KERAS_BACKEND=jax python examples/train_imagenet.py --preset=imagenet64
    KERAS_BACKEND=jax python examples/train_imagenet.py --dry_run       # measures
    KERAS_BACKEND=jax python examples/train_imagenet.py --dataset=fake  # a trial

Every number comes from the preset (`imagenet256_base` is the third at 256 px); each
flag of `--help=all` overrides one. The same command goes on with a run that was
interrupted. docs/training.md says more.

Data: 1,281,167 images. At 256 px TFDS prepares `imagenet2012` from the two archives
that one gets from image-net.org; put them into `downloads/manual` below `--data_dir`.
At 64 px it downloads `imagenet_resized/64x64`. Preparing either needs TensorFlow once.
The perceptual network of the recipe needs files of weights.

Hardware and time: large needs 19 GB for weights, optimizer, average and gradients,
activations on top; 800 epochs are 64 million steps of 16 images, 16 for each device, or
8 million of the paper's 128 (`--batch_size=128`). The paper has a Frechet distance of
4.78 at 4 steps (xlarge: 4.05).

Verified: a trial on `--dataset=fake`, 95 seconds on JAX on one core of an AMD EPYC;
the tests run a shorter one.
Not verified: the recipes on ImageNet itself, for want of GPUs. The paper has none at
64 px.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["train", "--preset=imagenet256_large", *sys.argv[1:]]))
