"""Measures a model, or a folder of images, against real images.

    python examples/evaluate.py --preset=digits16 --data=digits \\
        --network=digits --num_images=500 --steps=1,4 --output=numbers

In Python:

    model = keras_sphere.presets.load("digits16")
    (train, _), (test, _) = keras_sphere.data.load_digits()
    result = keras_sphere.evaluate(model, train, held_out=test, network="digits")

`--help` lists all flags; `docs/evaluation.md` says what is measured. Time: under a
minute on a CPU.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
