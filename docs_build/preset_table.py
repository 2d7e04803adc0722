"""Writes docs/preset_table.md from the presets' configurations.

    python docs_build/preset_table.py

`tests/test_preset_table.py` fails where the page is not what this would write.
"""

import json
import pathlib

ROOT = pathlib.Path(__file__).parents[1]
PRESETS = ROOT / "keras_sphere" / "presets"
PAGE = ROOT / "docs" / "preset_table.md"

SHAPE_ONLY = (
    "sizes, number of parameters and the way into a training; never trained here"
)
# Start of a preset's name -> what was verified of it; the first that fits counts.
VERIFIED = {
    "digits16": "trained here; generates on all backends in the tests; figures in its "
    "card",
    "fashion28": "trained here for 13 epochs; figures in its card",
    "own_images": "the start of `train FOLDER`; tried on 600 drawn shapes",
    "imagenet64": f"{SHAPE_ONLY}, nor by the authors",
    "imagenet512": f"{SHAPE_ONLY} but for a few steps of a narrow one; a recipe of "
    "ours",
    "sphere2_": f"{SHAPE_ONLY}; conversion of public weights on files of their layout, "
    "not the real ones",
    "": f"{SHAPE_ONLY}; the mathematics agrees with golden numbers of the authors' "
    "code for small models",
}
HEAD = """# Table of presets

Written by `docs_build/preset_table.py` from the presets themselves;
`python -m keras_sphere presets` prints the same numbers, `presets NAME` a card.
*Memory* is that of float32 weights alone, when generating; a training takes five times
as much (weights, gradients, two moments, moving average) and activations, which
`--dry_run` measures. Figures that the authors report are in the cards; none of them was
reproduced here.

| Preset | Pixels | Classes | Parameters | Memory | Weights | What was verified |
|---|---|---|---|---|---|---|
"""
FOOT = """
`own_images` is a recipe that the size of images and model, the noise and the steps are
chosen for ([own images](own_images.md)): its numbers are those of its smallest model.
There are public weights of `sphere2_...`;
[Sphere Encoder 2](sphere_encoder_2.md#public-weights) has the lines that fetch them.
[Presets](presets.md) says how to load, save and share them.
"""


def page():
    """The text of the page."""
    paths = sorted(PRESETS.glob("*/config.json"))
    rows = (row(json.loads(path.read_text(encoding="utf-8"))) for path in paths)
    return HEAD + "".join(rows) + FOOT


def row(config):
    """The line of a preset.

    Args:
        config: Dict of its `config.json`.
    """
    name, architecture = config["name"], config["architecture"]
    cells = [
        f"`{name}`",
        f"{architecture['image_size']}",
        f"{architecture['num_classes']:,}" if architecture["num_classes"] else "none",
        f"{config['parameters']:,}",
        f"{4 * config['parameters'] / 1e6:,.0f} MB",
        "yes" if config["weights"] else "no",
        verified(name),
    ]
    return f"| {' | '.join(cells)} |\n"


def verified(name):
    """What was verified of a preset."""
    return next(text for start, text in VERIFIED.items() if name.startswith(start))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
