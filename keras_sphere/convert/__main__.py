"""Converts checkpoints of PyTorch to presets, or a preset to one.

    python -m keras_sphere.convert SOURCE TARGET [flags]
    python -m keras_sphere.convert sphere2 SOURCE --output=TARGET [flags]

The first is for the first Sphere Encoder. SOURCE is a run folder (`cfg.json` and
`ckpt/epNNNN.pth` or `.safetensors`) or one of its checkpoints, and TARGET the folder of
the new preset; or SOURCE is a preset, by name or folder, and TARGET the new run folder.

The second is for Sphere Encoder 2. SOURCE is a folder of published weights, one of its
checkpoints, or such a folder on the Hugging Face Hub, `hf://user/repository/folder`.
"""

import pathlib
import sys

from absl import app, flags

from keras_sphere.convert.checkpoint_files import FORMATS, KINDS
from keras_sphere.convert.dinov3_license import LICENSE, NOTICE
from keras_sphere.convert.run_files import CONFIG
from keras_sphere.convert.run_folder import preset_to_reference, reference_to_preset
from keras_sphere.convert.sphere2_folder import PARTS, sphere2_to_preset

SPHERE2 = "sphere2"
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
LICENSE_OF_WEIGHTS = flags.DEFINE_string(
    "license", None, "License of the weights; by default unspecified, or as published."
)
OVERWRITE = flags.DEFINE_boolean("overwrite", False, "Replace an existing preset.")
FORMAT = flags.DEFINE_enum("format", "pth", list(FORMATS), "The new checkpoint's.")
OUTPUT = flags.DEFINE_string("output", None, "With sphere2: folder of the new preset.")
PART = flags.DEFINE_enum(
    "part",
    PARTS[0],
    list(PARTS),
    "With sphere2: the decoder, which generates in one step, or the encoder as well.",
)
ACCEPT_LICENSE = flags.DEFINE_enum(
    "accept_license",
    None,
    [LICENSE],
    "With sphere2 and --part=all: you accept the license of the encoder.",
)


def main(arguments):
    words = arguments[1:]
    try:
        if words[:1] == [SPHERE2] and OUTPUT.value is not None:
            written = _convert_sphere2(words[1:])
        elif words[:1] == [SPHERE2] and not pathlib.Path(SPHERE2).exists():
            raise app.UsageError("With sphere2 say where to write: --output=FOLDER.")
        else:
            written = _convert(words)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"Error: {error}")
    print(f"Wrote {written}")


def _convert_sphere2(words):
    if len(words) != 1:
        raise app.UsageError("Give one argument after sphere2, SOURCE.")
    if ACCEPT_LICENSE.value is not None:
        print(NOTICE)
    sphere2_to_preset(
        words[0],
        OUTPUT.value,
        part=PART.value,
        accept_license=ACCEPT_LICENSE.value,
        license=LICENSE_OF_WEIGHTS.value,
        **_flags_of_presets(),
    )
    return f"the preset {OUTPUT.value}"


def _convert(words):
    if len(words) != 2:
        raise app.UsageError("Give two arguments, SOURCE and TARGET.")
    source, target = words
    is_run = pathlib.Path(source).is_file() or (pathlib.Path(source) / CONFIG).is_file()
    if not is_run:
        preset_to_reference(source, target, format=FORMAT.value)
        return f"the run folder {target}"
    reference_to_preset(
        source,
        target,
        license=LICENSE_OF_WEIGHTS.value or "unspecified",
        **_flags_of_presets(),
    )
    return f"the preset {target}"


def _flags_of_presets():
    return {
        "weights": WEIGHTS.value,
        "dtype": DTYPE.value,
        "name": NAME.value,
        "description": DESCRIPTION.value,
        "overwrite": OVERWRITE.value,
    }


if __name__ == "__main__":
    app.run(main)
