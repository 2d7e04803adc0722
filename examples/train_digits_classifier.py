"""Trains the classifier of digits that stands in for an Inception network offline.

Its weights are part of the package, as `keras_sphere/evaluation/
digits_classifier.weights.h5`, so that numbers measured with it compare; this script is
how they were made. Training anew gives other weights, and so other numbers.

    KERAS_BACKEND=jax python examples/train_digits_classifier.py --output=new.weights.h5

Hardware: 2 CPU cores. Time: minutes, most of them for changing the images: each is
turned, moved, zoomed and sheared at random. Accuracy: printed at the end, on the 297
test digits, most of them by writers that the training has not seen.
"""

from keras_sphere import data
from keras_sphere.evaluation.digits_classifier import (
    IMAGE_SIZE,
    NUM_CLASSES,
    build_digits_classifier,
)
from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.files.integrity import sha256

import keras
import numpy as np
from absl import app, flags

OUTPUT = flags.DEFINE_string("output", None, "File to write to.", required=True)
EPOCHS = flags.DEFINE_integer("epochs", 100, "Passes over the 1,500 training digits.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of weights, order and changes.")
BATCH_SIZE, LABEL_SMOOTHING, DROPOUT = 50, 0.05, 0.2


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
    """Fits the classifier to digits that are never twice the same."""
    digits = data.load(
        "digits",
        image_size=IMAGE_SIZE,
        batch_size=BATCH_SIZE,
        seed=SEED.value,
        augment=["affine", keras.layers.RandomShear(0.15, 0.15, seed=0)],
    )
    steps = EPOCHS.value * len(digits)
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
        batches(digits), steps_per_epoch=len(digits), epochs=EPOCHS.value, verbose=2
    )


def accuracy(model, images, labels):
    logits = model.predict(images.astype("float32") / 255.0, verbose=0)["logits"]
    return np.mean(np.argmax(logits, axis=-1) == labels)


def main(_):
    keras.utils.set_random_seed(SEED.value)
    model = build_digits_classifier()
    train(model)
    for weight in model.weights:
        weight.assign(np.asarray(keras.ops.convert_to_numpy(weight)).astype("float16"))
    with replace_when_done(OUTPUT.value) as temporary:
        model.save_weights(temporary)
    test = accuracy(model, *data.load_digits(IMAGE_SIZE)[1])
    print(f"Accuracy on test digits: {100 * test:.1f} %. {sha256(OUTPUT.value)}")


if __name__ == "__main__":
    app.run(main)
