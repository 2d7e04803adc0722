"""Trains the classifier of digits that stands in for an Inception network offline.

Its weights are part of the package, as `keras_sphere/evaluation/
digits_classifier.weights.h5`, so that numbers measured with it compare; this script is
how they were made. Training anew gives other weights, and so other numbers.

    KERAS_BACKEND=jax python examples/train_digits_classifier.py --output=new.weights.h5

Hardware: 2 CPU cores. Time: under a minute. Accuracy: printed at the end, on the 297
test digits.
"""

from keras_sphere.data import load_digits
from keras_sphere.evaluation.digits_classifier import (
    IMAGE_SIZE,
    build_digits_classifier,
)
from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.files.integrity import sha256

import keras
import numpy as np
from absl import app, flags

OUTPUT = flags.DEFINE_string("output", None, "File to write to.", required=True)
EPOCHS = flags.DEFINE_integer("epochs", 40, "Passes over the 1,500 training digits.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of weights and order.")


def main(_):
    keras.utils.set_random_seed(SEED.value)
    train, test = load_digits(IMAGE_SIZE)
    model = build_digits_classifier()
    classifier = keras.Model(model.inputs, model.outputs[-1])
    classifier.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    pixels = [images.astype("float32") / 255.0 for images, _ in (train, test)]
    classifier.fit(pixels[0], train[1], batch_size=50, epochs=EPOCHS.value, verbose=2)
    accuracy = classifier.evaluate(pixels[1], test[1], verbose=0)[1]
    for weight in model.weights:
        weight.assign(np.asarray(keras.ops.convert_to_numpy(weight)).astype("float16"))
    with replace_when_done(OUTPUT.value) as temporary:
        model.save_weights(temporary)
    print(f"Accuracy on test digits: {100 * accuracy:.1f} %. {sha256(OUTPUT.value)}")


if __name__ == "__main__":
    app.run(main)
