"""Converts a run folder of the PyTorch reference to a preset, or a preset to one.

    python -m keras_sphere.convert SOURCE TARGET [flags]

SOURCE is a run folder (`cfg.json` and `ckpt/epNNNN.pth` or `.safetensors`) or one of
its checkpoints, and TARGET the folder of the new preset; or SOURCE is a preset, by name
or folder, and TARGET the new run folder.
"""

import pathlib
import sys

from absl import app, flags

from keras_sphere.convert.checkpoint_files import FORMATS, KINDS
from keras_sphere.convert.run_folder import (
    CONFIG,
    preset_to_reference,
    reference_to_preset,
)

WEIGHTS = flags.DEFINE_enum(
    "weights",
    None,
    list(KINDS),
    "Which weights of a run to convert; by default the moving average if there is one.",
)
DTYPE = flags.DEFINE_enum(
    "dtype", "float32", ["float32", "float16"], "How a preset stores its weights."
)
NAME = flags.DEFINE_string("name", None, "The preset's name; default: its folder's.")
DESCRIPTION = flags.DEFINE_string("description", "", "A sentence for the card.")
LICENSE = flags.DEFINE_string("license", "unspecified", "License of the weights.")
OVERWRITE = flags.DEFINE_boolean("overwrite", False, "Replace an existing preset.")
FORMAT = flags.DEFINE_enum("format", "pth", list(FORMATS), "The new checkpoint's.")


def main(arguments):
    if len(arguments) != 3:
        raise app.UsageError("Give two arguments, SOURCE and TARGET.")
    source, target = arguments[1:]
    is_run = pathlib.Path(source).is_file() or (pathlib.Path(source) / CONFIG).is_file()
    try:
        if is_run:
            reference_to_preset(
                source,
                target,
                weights=WEIGHTS.value,
                dtype=DTYPE.value,
                name=NAME.value,
                description=DESCRIPTION.value,
                license=LICENSE.value,
                overwrite=OVERWRITE.value,
            )
        else:
            preset_to_reference(source, target, format=FORMAT.value)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"Error: {error}")
    print(f"Wrote {'the preset' if is_run else 'the run folder'} {target}")


if __name__ == "__main__":
    app.run(main)
