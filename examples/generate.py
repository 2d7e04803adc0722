"""Generates images of a trained model: a picture, a folder, or an .npz file.

    python examples/generate.py --preset=digits16 --classes=all --seed=1

writes `generate.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    images = model.generate(labels=[3, 3, 8, 8], steps=4, guidance_scale=1.2, seed=1)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["generate", *sys.argv[1:]]))
