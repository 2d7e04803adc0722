"""Stitches two images and makes them one.

    python examples/crossover.py --preset=digits16 \\
        --image=docs/images/gallery/digit_3.png \\
        --image=docs/images/gallery/digit_5.png --pattern=all --strength=0.1

writes `crossover.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    crossed = keras_sphere.editing.crossover(model, threes, fives, strength=0.1)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["crossover", *sys.argv[1:]]))
