"""Encodes images and decodes them, with or without noise in between.

    python examples/reconstruct.py --preset=digits16 \\
        --image=docs/images/gallery/digit_3.png --strength=0,0.5,1

writes `reconstruct.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    decoded = model.reconstruct(images, strength=0.5, seed=1)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["reconstruct", *sys.argv[1:]]))
