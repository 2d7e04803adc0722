"""Fashion-MNIST on two CPU cores: 28 px, 10 classes, 2.5 million parameters.

    pip install "keras-sphere[jax,data,train,features]"
    KERAS_BACKEND=jax python examples/train_fashion.py
    KERAS_BACKEND=jax python examples/train_fashion.py --dry_run       # measures

Every number comes from the preset `fashion28`; each flag of `--help` overrides one. The
same command goes on with a run that was interrupted. docs/training.md says more.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["train", "--preset=fashion28", *sys.argv[1:]]))
