"""Turns a run of `train_fashion.py`, and tables about it, into a preset of the package.

    python -m keras_sphere evaluate --preset=runs/fashion28 --data=fashion_mnist \
        --network=fashion_mnist --steps=1,2,4 --num_images=10000 --output=numbers
    python examples/publish_run.py --run_dir=runs/fashion28 --preset=fashion28 \
        --numbers=numbers

Writes the run's weights as float16 beside the card and the configuration that the
preset has, and into the card how they were trained, and the tables. Time: seconds.
"""

import pathlib
import re

import keras_sphere
from keras_sphere.preset_files.card import training_lines

from absl import app, flags

RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "What the training wrote.", required=True
)
PRESET = flags.DEFINE_string(
    "preset", None, "The preset: a name, or its folder.", required=True
)
NUMBERS = flags.DEFINE_multi_string(
    "numbers", [], "Folders of `evaluate`, for the card."
)
QUALITY = re.compile(r"(<!-- quality.*?-->\n).*?(<!-- end of quality -->)", re.S)


def new_card(card, notes, numbers):
    """The card with how the weights were made, and what was measured, in it."""
    tables = [(pathlib.Path(path) / "evaluation.txt").read_text() for path in numbers]
    indented = [
        "\n".join(f"    {line}".rstrip() for line in table.rstrip().splitlines())
        for table in tables
    ]
    text = "\n\n".join(["\n".join(training_lines(notes)), *indented]) + "\n"
    return QUALITY.sub(lambda match: match[1] + text + match[2], card)


def main(_):
    preset = keras_sphere.presets.describe(PRESET.value)
    folder = pathlib.Path(keras_sphere.__file__).parent / "presets" / PRESET.value
    folder = folder if folder.is_dir() else pathlib.Path(PRESET.value)
    run = keras_sphere.presets.describe(RUN_DIR.value)
    notes = run["recipe"]["training"]
    model = keras_sphere.presets.load(
        RUN_DIR.value, perceptual=run["recipe"]["perceptual"]
    )
    model.save_to_preset(
        folder,
        dtype="float16",
        name=preset["name"],
        description=preset["description"],
        license=preset["license"],
        training={**preset["recipe"]["training"], **notes},
        card=new_card(preset["card"], notes, NUMBERS.value),
        overwrite=True,
    )
    print(f"Wrote {folder}")


if __name__ == "__main__":
    app.run(main)
