"""Images of your own: a folder of class folders, a flat folder, a zip or a list.

    pip install "keras-sphere[jax,data,train]"
    KERAS_BACKEND=jax python examples/train_folder.py --dataset=photos/
    KERAS_BACKEND=jax python examples/train_folder.py --dataset=photos/ --preset=cifar10
    KERAS_BACKEND=jax python examples/train_folder.py --dataset=photos/ --size=tiny
    KERAS_BACKEND=jax python examples/train_folder.py --dataset=digits

The first takes the recipe of the paper for small data sets of 256 px,
`oxford_flowers256` (949 million parameters), the second that for 32 px (264 million);
`--image_size`, `--size=small` and other flags of `--help` change them. The third is a
trial of a minute, of 16 px, on your images, the fourth on digits. Class folders give a
model with classes, `--noconditional` one without; a flat folder has none. Images that
cannot be read are counted and named.

A twentieth of the images is held out, for pictures and the memorization alarm;
`--split=train` takes all. The same command goes on with a run that was interrupted.
docs/training.md says more.

Hardware and time: `--dry_run` measures. Verified: a trial on `--dataset=digits`, 62
seconds on JAX on one core of an AMD EPYC; one training killed fifty times on each
backend; the tests run a shorter trial on each backend, and kill it a few times. Not
verified: larger models, for want of a GPU.
"""

from keras_sphere.training.command_line import run

if __name__ == "__main__":
    run(
        required=["dataset"],
        preset="oxford_flowers256",
        output_dir="runs/folder",
        split="train[:95%]",
        held_out_split="train[95%:]",
    )
