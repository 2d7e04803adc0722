"""Varies images by an angle on the sphere.

    python examples/variations.py --preset=digits16 \\
        --image=docs/images/gallery/digit_3.png --angle_degrees=30,60

writes `variations.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    varied = keras_sphere.editing.variations(model, images, angle_degrees=30.0)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["variations", *sys.argv[1:]]))
