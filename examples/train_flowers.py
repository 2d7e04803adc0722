"""Oxford-Flowers by the paper's recipe: 256 px, 102 classes, size large.

    pip install "keras-sphere[jax,data,train]"
    KERAS_BACKEND=jax python examples/train_flowers.py                 # on a GPU
    KERAS_BACKEND=jax python examples/train_flowers.py --dry_run       # measures
    KERAS_BACKEND=jax python examples/train_flowers.py --dataset=fake  # a trial

Every number comes from the preset `oxford_flowers256`; each flag of `--help=all`
overrides one. The same command goes on with a run that was interrupted.
docs/training.md says more.

Data: TFDS downloads `oxford_flowers102` (345 MB); preparing it needs TensorFlow once.
Its split "train" has 1,020 images, "validation" as many, "test" 6,149:
`--split=train+validation` takes two of them. With so few images mind the memorization
alarm. The perceptual network of the recipe needs files of weights.

Hardware and time: 19 GB for weights, optimizer, average and gradients, activations on
top; 1000 epochs of 63 steps of 16 images, 16 for each device, or of 7 of the paper's
128 (`--batch_size=128`). The paper has a Frechet distance of 11.27 at 4 steps.

Verified: a trial on `--dataset=fake`, 63 seconds on JAX on one core of an AMD EPYC;
the tests run a shorter one.
Not verified: the recipe on the flowers themselves, for want of a GPU.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["train", "--preset=oxford_flowers256", *sys.argv[1:]]))
