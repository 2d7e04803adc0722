"""Colored shapes as a folder of classes, and whether samples are such shapes.

    python examples/drawn_shapes.py --output_dir=data/shapes --num_images=600
    python -m keras_sphere train data/shapes --output=runs/shapes
    python -m keras_sphere generate --preset=runs/shapes --num_images=600 --seed=1 \\
        --output=shapes.npz
    python examples/drawn_shapes.py --samples=shapes.npz

Circles, squares and triangles in red, green or blue, of any size and place, in 48 px. A
sample is right if its shape is the one asked for and its color one of the three. The
shape is read from the share that it fills of its own bounding box: a circle pi / 4, a
square all, a triangle half. All 600 drawings, scaled to 32 px, are read right.
"""

import collections
import pathlib

from keras_sphere.files.atomic_file import folder_when_done

import numpy as np
from absl import app, flags
from PIL import Image, ImageDraw

SIDE, PAPER = 48, (245, 245, 240)
COLORS = {"red": (220, 40, 40), "green": (40, 170, 70), "blue": (50, 80, 220)}
SHAPES = ("circle", "square", "triangle")
SMALLEST, LARGEST, MARGIN = 8, 16, 2  # radius of a shape, and what stays free
DIFFERENT, SAME = 60, 60  # levels of 255: from the paper, and from a color
FEWEST_PIXELS = 12
FILLS = {"triangle": 0.645, "circle": 0.89, "square": 1.0}  # at most, of that box
LONGEST = 1.4  # side of the bounding box, by its other side

OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "Folder to draw; must not exist.")
NUM_IMAGES = flags.DEFINE_integer("num_images", 600, "Drawings.", lower_bound=3)
SEED = flags.DEFINE_integer("seed", 0, "Of sizes and places.", lower_bound=0)
SAMPLES = flags.DEFINE_string(
    "samples", None, "Images of `generate --output=NAME.npz` to look at instead."
)


def draw_shape(shape, color, draws):
    """A drawing of 48 x 48 px as a PIL image.

    Args:
        shape: String, one of `SHAPES`.
        color: String, a key of `COLORS`.
        draws: `numpy.random.Generator`.
    """
    image = Image.new("RGB", (SIDE, SIDE), PAPER)
    draw = ImageDraw.Draw(image)
    radius = draws.uniform(SMALLEST, LARGEST)
    x, y = draws.uniform(radius + MARGIN, SIDE - MARGIN - radius, 2)
    box = [x - radius, y - radius, x + radius, y + radius]
    if shape == "circle":
        draw.ellipse(box, fill=COLORS[color])
    elif shape == "square":
        draw.rectangle(box, fill=COLORS[color])
    else:
        corners = [(x, box[1]), (box[0], box[3]), (box[2], box[3])]
        draw.polygon(corners, fill=COLORS[color])
    return image


def write_drawings(folder, num_images, seed):
    """Draws the shapes in turn, in turn of each color, into folders of their names."""
    draws = np.random.default_rng(seed)
    for index in range(num_images):
        shape = SHAPES[index % len(SHAPES)]
        color = list(COLORS)[index // len(SHAPES) % len(COLORS)]
        place = folder / shape
        place.mkdir(parents=True, exist_ok=True)
        draw_shape(shape, color, draws).save(place / f"{index:05}-{color}.png")


def read_drawing(image):
    """Shape and color of what an image shows.

    Args:
        image: uint8 array of shape `(height, width, 3)`.

    Returns:
        The name of the shape and that of the color; `None` for what is neither of
        them.
    """
    pixels = image.astype("float32")
    drawn = np.abs(pixels - PAPER).max(axis=-1) > DIFFERENT
    if drawn.sum() < FEWEST_PIXELS:
        return None, None
    middle = np.median(pixels[drawn], axis=0)
    away = {name: np.abs(middle - color).max() for name, color in COLORS.items()}
    nearest = min(away, key=away.get)
    height, width = (np.ptp(places) + 1 for places in np.nonzero(drawn))
    fills = drawn.sum() / (height * width)
    shape = next(name for name, most in FILLS.items() if fills <= most)
    square = max(height, width) <= LONGEST * min(height, width)
    return shape if square else None, nearest if away[nearest] < SAME else None


def summarize(images, labels):
    """A line on how many images are what was asked for.

    Args:
        images: uint8 array of shape `(images, height, width, 3)`.
        labels: Integer array: indices of `SHAPES`.
    """
    read = [read_drawing(image) for image in images]
    asked = [SHAPES[label] for label in labels]
    shape = np.array([name for name, _ in read]) == np.array(asked)
    color = np.array([name is not None for _, name in read])
    counts = collections.Counter(name for _, name in read if name)
    drawn = ", ".join(f"{counts[name]} {name}" for name in COLORS)
    return (
        f"{len(images)} images: shape asked for {shape.mean():.1%}, a color of three "
        f"{color.mean():.1%} ({drawn}), both {(shape & color).mean():.1%}"
    )


def main(_):
    if SAMPLES.value is not None:
        with np.load(SAMPLES.value) as samples:
            print(summarize(samples["images"], samples["labels"]))
        return
    if OUTPUT_DIR.value is None or pathlib.Path(OUTPUT_DIR.value).exists():
        raise SystemExit(
            "--output_dir must be a folder that does not exist yet, or --samples a "
            f"file of samples. Received: --output_dir={OUTPUT_DIR.value}"
        )
    with folder_when_done(pathlib.Path(OUTPUT_DIR.value)) as folder:
        write_drawings(folder, NUM_IMAGES.value, SEED.value)
    print(f"{NUM_IMAGES.value} drawings in {OUTPUT_DIR.value}")


if __name__ == "__main__":
    app.run(main)
