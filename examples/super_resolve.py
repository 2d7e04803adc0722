"""Enlarges small images with the model as a prior.

    python examples/super_resolve.py --preset=digits16 \\
        --image=docs/images/gallery/digit_3.png --factor=2 --shrink

writes `super-resolve.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    large = keras_sphere.editing.super_resolve(model, small_images, factor=2)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["super-resolve", *sys.argv[1:]]))
