"""A training that kills itself, as by kill -9, in the middle of saving.

    python -m tests.training.dying_run PRESET FOLDER NAME COUNT

It dies before the file or folder `NAME` in `FOLDER/checkpoints` gets its name, which is
the last thing that happens to it, for the `COUNT`th time.
"""

import os
import signal
import sys

from keras_sphere.training import train
from tests.training.small_runs import batches


def die_at(folder, name, count):
    """Sets the moment."""
    left, folder = int(count), os.path.join(os.path.abspath(folder), "checkpoints")

    def watch(event, args):
        nonlocal left
        if event != "os.rename":
            return
        target = os.path.abspath(args[1])
        if os.path.basename(target) == name and target.startswith(folder):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def main(preset, folder, name, count):
    die_at(folder, name, count)
    train(
        preset,
        batches(),
        folder,
        checkpoint_every_steps=5,
        log_images_every=0,
        verbose="0",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
