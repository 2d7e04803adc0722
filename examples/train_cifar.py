"""CIFAR-10 by the paper's recipe: 32 px, 10 classes, 264 million parameters.

    pip install "keras-sphere[jax,data,train]"
    KERAS_BACKEND=jax python examples/train_cifar.py                   # the whole recipe
    KERAS_BACKEND=jax python examples/train_cifar.py --dry_run         # what it would take
    KERAS_BACKEND=jax python examples/train_cifar.py --dataset=digits  # a minute's trial

All numbers come from the preset `cifar10`; every flag of `--help` overrides one. The
same command goes on with a run that was ended. CIFAR-10 is downloaded by Keras (170 MB).
The recipe's perceptual network needs two files of weights, see docs/perceptual_loss.md;
`--perceptual=gradient` needs none.

Into `runs/cifar10` go `plan.json`, `log.csv`, `pictures/`, `checkpoints/` and at the end
`preset/`, the raw weights for `keras_sphere.presets.load` (`--save_ema`: the average too).

Hardware: the recipe needs a GPU: 5.3 GB for weights and optimizer, activations on top.
Time: 5000 epochs; `--dry_run` measures a step and estimates the whole.
Verified: CIFAR100
Not verified: CIFAR200
"""

from keras_sphere.training.command_line import run

if __name__ == "__main__":
    run(preset="cifar10")
