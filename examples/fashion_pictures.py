"""Pictures of the preset `fashion28`, beside real images.

    python examples/fashion_pictures.py --output_dir=docs/images/fashion

Writes four pictures: samples of every class after 1, 2 and 4 steps; held-out images and
their reconstructions; from one class to another along a great circle; samples beside
the training images nearest to them. Data: as `train_fashion.py` says. Time: a minute.
"""

import pathlib

import keras_sphere
from keras_sphere import visualization
from keras_sphere.visualization import Panel

import numpy as np
from absl import app, flags

PRESET = flags.DEFINE_string("preset", "fashion28", "The preset: a name or a folder.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Where Fashion-MNIST lies.")
OUTPUT_DIR = flags.DEFINE_string("output_dir", "fashion", "Folder of the pictures.")
SEED = flags.DEFINE_integer("seed", 0, "Of all noise.")

STEPS, COLUMNS, SCALE = (1, 2, 4), 6, 2
MORPHS = (("sneaker", "ankle_boot"), ("t_shirt", "dress"), ("bag", "coat"))
MORPH_IMAGES, NEAREST_SHOWN = 11, 12


def load_images(split):
    """Images in [-1, 1] and labels of a split, in the order of the files' shuffling."""
    data = keras_sphere.data.load(
        "fashion_mnist", split=split, batch_size=1000, data_dir=DATA_DIR.value
    )
    batches = [batch for _, batch in zip(range(len(data)), data, strict=False)]
    images, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    return images.astype("float32") / 127.5 - 1.0, labels.reshape(-1)


def rows_of(images, columns):
    return images.reshape(-1, columns, *images.shape[1:])


def draw_samples(model, names):
    """A row per class, a panel per number of steps."""
    labels = np.repeat(np.arange(len(names)), COLUMNS)
    return [
        Panel(
            rows_of(model.generate(labels=labels, steps=s, seed=SEED.value), COLUMNS),
            tuple(names) if s == STEPS[0] else (),
            caption=f"{s} step{'s' * (s > 1)}",
        )
        for s in STEPS
    ]


def draw_reconstructions(model, names):
    """The first held-out images of each class, and what the model makes of them."""
    images, labels = load_images("test")
    chosen = [np.flatnonzero(labels == k)[:COLUMNS] for k in range(len(names))]
    chosen = np.concatenate(chosen)
    rebuilt = model.reconstruct(images[chosen], labels[chosen])
    return [
        Panel(rows_of(images[chosen], COLUMNS), tuple(names), caption="held out"),
        Panel(rows_of(rebuilt, COLUMNS), caption="reconstructed"),
    ]


def draw_morphs(model):
    """Paths between two points and two classes."""
    paths = [
        model.interpolate(
            start=2 * i + SEED.value,
            end=2 * i + 1 + SEED.value,
            start_labels=first,
            end_labels=last,
            num_images=MORPH_IMAGES,
            seed=SEED.value,
        )
        for i, (first, last) in enumerate(MORPHS)
    ]
    names = tuple(f"{first} to {last}" for first, last in MORPHS)
    return [Panel(np.stack(paths), names)]


def draw_nearest(model):
    """Samples above the training images at the least distance of pixels."""
    images, _ = load_images("train")
    labels = np.arange(NEAREST_SHOWN) % model.backbone.num_classes
    samples = model.generate(labels=labels, seed=SEED.value + 1)
    flat, wanted = images.reshape(len(images), -1), samples.reshape(len(samples), -1)
    distances = (flat**2).sum(axis=1) - 2 * wanted @ flat.T
    nearest = images[distances.argmin(axis=1)]
    return [Panel(np.stack([samples, nearest]), ("sample", "nearest"))]


def main(_):
    model = keras_sphere.presets.load(PRESET.value)
    names = model.backbone.class_names
    folder = pathlib.Path(OUTPUT_DIR.value)
    folder.mkdir(parents=True, exist_ok=True)
    for name, panels in {
        "samples": draw_samples(model, names),
        "reconstructions": draw_reconstructions(model, names),
        "morph": draw_morphs(model),
        "nearest": draw_nearest(model),
    }.items():
        picture = visualization.draw_panels([panels], scale=SCALE)
        visualization.save_image(folder / f"{name}.png", picture)
        print(f"Wrote {folder / f'{name}.png'}")


if __name__ == "__main__":
    app.run(main)
