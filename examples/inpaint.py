"""Fills in missing pixels with the model as a prior.

    python examples/inpaint.py --preset=digits16 \\
        --image=docs/images/gallery/digit_3.png --hide=left

writes `inpaint.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    filled = keras_sphere.editing.inpaint(model, images, mask)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["inpaint", *sys.argv[1:]]))
