"""Writes one HTML page about a model: pictures, numbers, diagnostics.

    python examples/report.py --preset=digits16 --data=digits \\
        --network=digits --num_images=500 --output=report.html

In Python:

    model = keras_sphere.presets.load("digits16")
    train, test = keras_sphere.data.load_digits()
    keras_sphere.evaluation.write_report(
        model, train, test, "report.html", network="digits"
    )

`--help` lists all flags; `docs/evaluation.md` says what is measured. Time: under a
minute on a CPU.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
