"""Turns images into images of other classes, step by step.

    python examples/classes.py --preset=digits16 \\
        --image=docs/images/gallery/digit_3.png --classes=0,8

writes `classes.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    eights = keras_sphere.editing.manipulate_class(model, images, labels=8)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["classes", *sys.argv[1:]]))
