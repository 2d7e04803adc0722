"""Makes the pictures of `docs/gallery.md` again, by the commands on that page.

    python examples/make_gallery.py

Run from the root of a checkout: every command of the page is run and replaces its
picture. The images that the commands read are held-out digits, and are written first.
Needs `pip install "keras-sphere[data]"`. Time: a minute or two on 2 CPU cores.
"""

import pathlib
import re
import shlex

from keras_sphere.command_line import main as run_command
from keras_sphere.data import load_digits
from keras_sphere.visualization import save_image

import numpy as np
from absl import app, flags

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
COMMAND = re.compile(r"^ {4}python -m keras_sphere (.*)$", re.M)
# Place of the image among the held-out ones of its class.
INPUTS = {3: 0, 4: 0, 5: 1, 8: 0}

ONLY = flags.DEFINE_string("only", "", "Run only the commands that hold this text.")


def read_commands(page):
    """The words of every command of a page, in order."""
    text = page.read_text().replace("\\\n", " ")
    return [shlex.split(command) for command in COMMAND.findall(text)]


def write_inputs(folder):
    """Writes the held-out digits that the commands read."""
    _, (images, labels) = load_digits()
    for label, place in INPUTS.items():
        image = images[np.flatnonzero(labels == label)[place]]
        save_image(folder / f"digit_{label}.png", image)
    mask = np.full((16, 16), 255, "uint8")
    mask[6:11] = 0
    save_image(folder / "mask.png", mask)


def main(_):
    models = {}

    def load_once(source):
        if source.handle not in models:
            models[source.handle] = source.load()
        return models[source.handle]

    write_inputs(PAGE.parent / "images" / "gallery")
    for words in read_commands(PAGE):
        if ONLY.value not in " ".join(words):
            continue
        print(" ".join(words), flush=True)
        overwrite = ["--overwrite"] if any("output" in word for word in words) else []
        if run_command([*words, *overwrite], load_once):
            raise SystemExit(1)


if __name__ == "__main__":
    app.run(main)
