"""Trains a classifier that stands in for an Inception network offline.

Its weights are part of the package, as `keras_sphere/evaluation/
*_classifier.weights.h5`, so that numbers measured with it compare; this script is how
they were made. Training anew gives other weights, and so other numbers.

    KERAS_BACKEND=jax python examples/train_classifier.py --dataset=digits \\
        --output=new.weights.h5
    KERAS_BACKEND=jax python examples/train_classifier.py --dataset=fashion_mnist \\
        --epochs=15 --batch_size=100 --output=new.weights.h5

Hardware: 2 CPU cores. Time: minutes; for the digits most of them go into changing the
images: each is turned, moved, zoomed and sheared at random, those of Fashion-MNIST are
mirrored. Accuracy: printed at the end, on the test images; most of the test digits are
by writers that the training has not seen.
"""

from keras_sphere import data
from keras_sphere.evaluation.classifiers import (
    CLASSIFIERS,
    NUM_CLASSES,
    build_classifier,
)
from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.files.integrity import sha256

import keras
import numpy as np
from absl import app, flags

DATASET = flags.DEFINE_enum("dataset", "digits", list(CLASSIFIERS), "Which images.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Where their files lie, if any.")
OUTPUT = flags.DEFINE_string("output", None, "File to write to.", required=True)
EPOCHS = flags.DEFINE_integer("epochs", 100, "Passes over the training images.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 50, "Images per step.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of weights, order and changes.")
LABEL_SMOOTHING, DROPOUT = 0.05, 0.2


def changes():
    """The random changes of the training images."""
    if DATASET.value == "fashion_mnist":
        return "flip"
    return ["affine", keras.layers.RandomShear(0.15, 0.15)]


def load(split, **options):
    """One split of the images."""
    return data.load(
        DATASET.value,
        image_size=CLASSIFIERS[DATASET.value].image_size,
        batch_size=BATCH_SIZE.value,
        split=split,
        data_dir=DATA_DIR.value,
        **options,
    )


def with_dropout(model):
    """The classifier as it is trained: some of its features are left out."""
    features = keras.layers.Dropout(DROPOUT)(model.output["features"])
    return keras.Model(model.inputs, model.get_layer("logits")(features))


def batches(dataset):
    """Batches without end, as the classifier takes them."""
    for images, labels in dataset.starting_at():
        pixels = np.asarray(images, "float32") / 255.0
        yield pixels, keras.utils.to_categorical(labels, NUM_CLASSES)


def train(model):
    """Fits the classifier to images that are never twice the same."""
    images = load("train", seed=SEED.value, augment=changes())
    steps = EPOCHS.value * len(images)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=3e-3, warmup_steps=steps // 10
    )
    classifier = with_dropout(model)
    classifier.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-2),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=LABEL_SMOOTHING
        ),
        metrics=["accuracy"],
    )
    classifier.fit(
        batches(images),
        steps_per_epoch=len(images),
        epochs=EPOCHS.value,
        shuffle=False,
        verbose=2,
    )


def test_accuracy(model):
    """Share of the test images whose class the classifier finds."""
    test = load("test")
    images, labels = test.examples(np.arange(test.description.num_images))
    logits = model.predict(images.astype("float32") / 255.0, verbose=0)["logits"]
    return np.mean(np.argmax(logits, axis=-1) == labels)


def main(_):
    keras.utils.set_random_seed(SEED.value)
    model = build_classifier(DATASET.value)
    train(model)
    for weight in model.weights:
        weight.assign(np.asarray(keras.ops.convert_to_numpy(weight)).astype("float16"))
    with replace_when_done(OUTPUT.value) as temporary:
        model.save_weights(temporary)
    accuracy = 100 * test_accuracy(model)
    print(f"Accuracy on test images: {accuracy:.1f} %. {sha256(OUTPUT.value)}")


if __name__ == "__main__":
    app.run(main)
