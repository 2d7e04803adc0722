"""Removes noise with the model as a prior.

    python examples/denoise.py --preset=digits16 \\
        --image=docs/images/gallery/digit_3.png --sigma=0.3 --add_noise

writes `denoise.png`. In Python:

    model = keras_sphere.presets.load("digits16")
    clean = keras_sphere.editing.denoise(model, noisy_images, sigma=0.3)

`--help` lists all flags; `docs/gallery.md` shows more. Time: seconds on a CPU, most of
them to import the backend and compile.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["denoise", *sys.argv[1:]]))
