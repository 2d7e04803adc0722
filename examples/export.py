"""Writes a model as ONNX files, for programs without Python.

    python examples/export.py --preset=digits16 --parts=decoder,encoder \\
        --weights=uint8 --output=digits_onnx

In Python:

    model = keras_sphere.presets.load("digits16")
    keras_sphere.export_onnx(
        model, "digits_onnx", ["decoder", "encoder"], weights="uint8"
    )

`--help` lists all flags; `docs/export.md` says what is in the files. Time: under a
minute on a CPU.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
