"""`python -m keras_sphere TASK`; see `docs/commands.md`."""

import sys

from keras_sphere.command_line import main


def run():
    """The command `keras-sphere`; returns the exit status."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
