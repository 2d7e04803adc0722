"""Walks on the sphere in steps of an angle; here as an animation.

    python examples/walk.py --preset=digits16 --label=5 --layout=animation

writes `walk.gif`. In Python:

    model = keras_sphere.presets.load("digits16")
    images = keras_sphere.editing.random_walk(model, angle_degrees=15.0, labels=5)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["walk", *sys.argv[1:]]))
