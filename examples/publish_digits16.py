"""Turns a run of `train_digits.py` into the preset `digits16` of the package.

    python examples/train_digits.py --hidden_dim=96 --epochs=400 \
        --learning_rate=1.5e-3 --batch_size=25 --max_angle_degrees=80 \
        --latent_consistency_weight=0.1 --latent_uniformity_weight=0 \
        --guidance_scale=1.2 \
        --output_dir=runs/digits16
    python examples/publish_digits16.py --run_dir=runs/digits16

Reads `model.keras` and `metrics.json`; writes the weights as float16, `config.json`,
and the quality table in the card. Time: seconds.
"""

import json
import pathlib
import re

import digits_quality
import keras_sphere

import keras
from absl import app, flags

RUN_DIR = flags.DEFINE_string("run_dir", "runs/digits16", "What the training wrote.")
PRESET_DIR = flags.DEFINE_string(
    "preset_dir",
    str(pathlib.Path(keras_sphere.__file__).parent / "presets" / "digits16"),
    "The preset's folder, which holds its card and configuration.",
)
USE_EMA = flags.DEFINE_boolean("use_ema", False, "Publish the averaged weights.")
QUALITY = re.compile(r"(<!-- quality.*?-->\n).*?(<!-- end of quality -->)", re.S)


def new_card(card, metrics):
    """The card with the quality table of a run in it."""
    table = digits_quality.format_table(metrics["quality"])
    indented = "\n".join(f"    {line}".rstrip() for line in table.splitlines())
    text = (
        f"Trained on {metrics['backend']} in {metrics['training_seconds']:.0f} s; "
        "measured in float32, before rounding to float16.\n\n"
        f"{indented}\n"
    )
    return QUALITY.sub(lambda match: match[1] + text + match[2], card)


def main(_):
    run, folder = pathlib.Path(RUN_DIR.value), pathlib.Path(PRESET_DIR.value)
    metrics = json.loads((run / "metrics.json").read_text())
    preset = keras_sphere.presets.describe(folder)
    model = keras.saving.load_model(run / "model.keras")
    training = dict(preset["recipe"]["training"])
    training.update(
        {name: metrics["config"][name] for name in ("epochs", "warmup_epochs", "seed")}
    )
    model.save_to_preset(
        folder,
        use_ema=USE_EMA.value,
        dtype="float16",
        name=preset["name"],
        description=preset["description"],
        license=preset["license"],
        training=training,
        card=new_card(preset["card"], metrics),
        overwrite=True,
    )
    print(f"Wrote {folder}")


if __name__ == "__main__":
    app.run(main)
