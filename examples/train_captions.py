"""Trains a model on captions, and measures how often pictures obey them.

Every image gets a caption from what is measured of it, "a bold 7, leaning right": its
class, and in which third of its class two attributes are. The model is given no class,
only the vector of the caption, by hashing of its words. Of the nine combinations of
each class one is kept from the training, and asked for afterwards, too.

    KERAS_BACKEND=jax python examples/train_captions.py --output_dir=runs/captions
    KERAS_BACKEND=jax python examples/train_captions.py --dataset=fashion_mnist

The classifier of the package says the class of a generated picture, the same
measurement as before its attributes. docs/conditioning.md has the figures, and how long
it took. Into `output_dir` go a run of `keras_sphere.training.train`, `obeyed.json` and
`captions.png`.
"""

import json
import pathlib

import captioned_images
import keras_sphere
from keras_sphere.data import ShuffledBatches, load
from keras_sphere.evaluation.classifiers import classifier_features
from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.visualization import plot_image_table

import numpy as np
from absl import app, flags

DATASET = flags.DEFINE_enum(
    "dataset", "digits", list(captioned_images.CAPTIONS), "Which images."
)
OUTPUT_DIR = flags.DEFINE_string("output_dir", "runs/captions", "Folder to write to.")
DIM = flags.DEFINE_integer("dim", 256, "Length of the vectors of captions.")
EPOCHS = flags.DEFINE_integer("epochs", 100, "Passes over the training images.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 50, "Images per step.")
HIDDEN_DIM = flags.DEFINE_integer("hidden_dim", 64, "Width of both transformers.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of weights, order and noise.")
TRAIN = flags.DEFINE_boolean(
    "train", True, "Or measure only what the folder of a run holds."
)
NUM_IMAGES = flags.DEFINE_integer("num_images", 10, "Generated for each caption.")
STEPS = flags.DEFINE_integer("steps", 4, "Of generation.")
GUIDANCE = flags.DEFINE_multi_float("guidance_scale", [1.0, 1.5, 2.0], "Tried.")
VERBOSE = flags.DEFINE_enum("verbose", "2", ["0", "1", "2"], "See `train`.")

PRESETS = {"digits": "digits16", "fashion_mnist": "fashion28"}
SHOWN, DRAWN = 8, (0, 4, 7)  # pictures of a caption; classes


def read(split):
    """Images as uint8, and labels, of a split."""
    dataset = load(DATASET.value, split, shuffle=False)
    return dataset.examples(np.arange(dataset.description.num_images))


def unit(images):
    """Pixels in [0, 1] of bytes, or of floats in [-1, 1]."""
    if images.dtype == np.uint8:
        return images.astype("float32") / 255.0
    return (images + 1.0) / 2.0


def train(images, texts, embed):
    """The run on images with these captions."""
    batches = ShuffledBatches(
        images, None, BATCH_SIZE.value, SEED.value, True, embeddings=embed(texts)
    )
    return keras_sphere.training.train(
        PRESETS[DATASET.value],
        batches,
        OUTPUT_DIR.value,
        size="preset",
        num_classes=0,
        num_channels=1,
        condition_dim=embed.dim,
        embed=embed,
        hidden_dim=HIDDEN_DIM.value,
        max_angle_degrees=75.0,
        latent_uniformity_weight=0.3,
        batch_size=BATCH_SIZE.value,
        epochs=EPOCHS.value,
        seed=SEED.value,
        log_images_every=0,
        verbose=VERBOSE.value,
    )


def obeyed(asked, images, thirds, classifier):
    """Which of class and attributes pictures have, as booleans of shape (count, 3).

    Args:
        asked: Integers of shape `(count, 3)`: class and levels.
        images: Images in [-1, 1], or bytes.
        thirds: `captioned_images.Thirds`.
        classifier: `FeatureNetwork`.
    """
    pixels = unit(images)
    logits = classifier(np.rint(255.0 * pixels).astype("uint8"))["logits"]
    levels = thirds.levels(pixels, asked[:, 0])
    return np.column_stack([np.argmax(logits, axis=1), levels]) == asked


def shares(right, captions):
    """Shares of pictures with the class, each attribute, and all three."""
    names = ("class", *(a.name for a in captions.attributes), "all")
    values = [*right.mean(axis=0), right.all(axis=1).mean()]
    return {
        name: round(float(value), 4) for name, value in zip(names, values, strict=True)
    }


def combinations():
    """All of class and levels, integers of shape (90, 3)."""
    return np.array([[c, *divmod(n, 3)] for c in range(10) for n in range(9)])


def measure(model, captions, thirds, classifier):
    """Shares by guidance scale, of captions that were trained and of the others."""
    asked = np.repeat(combinations(), NUM_IMAGES.value, axis=0)
    new = np.array([captioned_images.is_held_out(c, rest) for c, *rest in asked])
    texts = [captions.of(label, levels) for label, *levels in asked]
    found = {}
    for scale in GUIDANCE.value:
        images = model.generate(
            prompts=texts, steps=STEPS.value, guidance_scale=scale, seed=SEED.value
        )
        right = obeyed(asked, images, thirds, classifier)
        found[f"guidance {scale:g}"] = {
            "trained": shares(right[~new], captions),
            "new": shares(right[new], captions),
        }
    return found


def draw(model, captions, path):
    """Rows of pictures for captions of three classes, and for some that are new."""
    is_new = [captioned_images.is_held_out(c, rest) for c, *rest in combinations()]
    new, known = combinations()[is_new], combinations()[np.logical_not(is_new)]
    extreme = [row for row in known if row[0] in DRAWN and 1 not in row[1:]]
    asked = [*extreme, *new[[0, 3, 6, 9]]]
    texts = [captions.of(label, levels) for label, *levels in asked]
    scale = GUIDANCE.value[-1]
    images = model.generate(
        prompts=np.repeat(texts, SHOWN).tolist(),
        steps=STEPS.value,
        guidance_scale=scale,
        seed=SEED.value,
    )
    images = images.reshape(len(texts), SHOWN, *images.shape[1:])
    names = [*texts[: len(extreme)], *(f"{t} (new)" for t in texts[len(extreme) :])]
    plot_image_table({f"guidance {scale:g}": images}, names, path)


def main(_):
    captions = captioned_images.CAPTIONS[DATASET.value]
    images, labels = read("train")
    thirds = captioned_images.Thirds(captions, unit(images), labels)
    levels = thirds.levels(unit(images), labels)
    rows = np.column_stack([labels, levels])
    kept = np.array([not captioned_images.is_held_out(c, rest) for c, *rest in rows])
    texts = [captions.of(label, level) for label, *level in rows[kept]]
    print(f"{len(texts):,} images, {len(set(texts))} captions, such as: {texts[0]}")
    embed = keras_sphere.HashingEmbedder(DIM.value)
    if TRAIN.value:
        model = train(images[kept], texts, embed).model
    else:
        model = keras_sphere.presets.load(OUTPUT_DIR.value)
    classifier = classifier_features(DATASET.value)
    test_images, test_labels = read("test")
    logits = classifier(test_images)["logits"]
    found = {
        "class of real test images": float(np.mean(logits.argmax(1) == test_labels)),
        **measure(model, captions, thirds, classifier),
    }
    print(json.dumps(found, indent=1))
    folder = pathlib.Path(OUTPUT_DIR.value)
    with replace_when_done(folder / "obeyed.json") as path:
        path.write_text(json.dumps(found, indent=1))
    draw(model, captions, folder / "captions.png")


if __name__ == "__main__":
    app.run(main)
