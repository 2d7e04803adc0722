"""Interpolates between points of the sphere, and between classes.

    python examples/interpolate.py --preset=digits16 --classes=3,8 --paths=4

writes `interpolate.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    strip = model.interpolate(1, 2, start_labels=3, end_labels=8, num_images=9)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["interpolate", *sys.argv[1:]]))
