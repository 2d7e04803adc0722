"""`python -m keras_sphere TASK`; see `docs/commands.md`."""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
