"""Moves images in the direction of another image.

    python examples/direction.py --preset=digits16 \\
        --image=docs/images/gallery/digit_5.png \\
        --direction_image=docs/images/gallery/digit_3.png --strength=0.1

writes `direction.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    moved = keras_sphere.editing.direction(model, threes, images=fives, strength=0.1)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["direction", *sys.argv[1:]]))
