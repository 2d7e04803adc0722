"""Animal-Faces (AFHQ) by the paper's recipe: 256 px, without classes, size large.

    pip install "keras-sphere[jax,data,train]"
    KERAS_BACKEND=jax python examples/train_animal_faces.py --data_dir=afhq  # on a GPU
    KERAS_BACKEND=jax python examples/train_animal_faces.py --dry_run        # measures
    KERAS_BACKEND=jax python examples/train_animal_faces.py --dataset=fake   # a trial

Every number comes from the preset `animal_faces256`; each flag of `--help=all`
overrides one. The same command goes on with a run that was interrupted.
docs/training.md says more.

Data: 14,630 images of the release at https://github.com/clovaai/stargan-v2;
`--data_dir` is the folder or archive with train/cat, train/dog and train/wild.
`--conditional` trains with these three classes. The perceptual network of the recipe
needs files of weights.

Hardware and time: 13 GB for weights, optimizer, average and gradients, activations on
top; 1000 epochs of 914 steps of 16 images, 16 for each device, or of 114 of the paper's
128 (`--batch_size=128`). The paper has a Frechet distance of 18.73 at 4 steps.

Verified: a trial on `--dataset=fake`, 52 seconds on JAX on one core of an AMD EPYC;
the tests run a shorter one.
Not verified: the recipe on the animals themselves, for want of a GPU.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["train", "--preset=animal_faces256", *sys.argv[1:]]))
