"""A small classifier of handwritten digits, whose features need no download."""

import pathlib

import keras

from keras_sphere.evaluation.feature_networks import FeatureNetwork
from keras_sphere.files.integrity import check_sha256
from keras_sphere.perceptual.resizing import resize_bilinear

IMAGE_SIZE, NUM_FEATURES, NUM_CLASSES = 16, 64, 10
WEIGHTS = pathlib.Path(__file__).parent / "digits_classifier.weights.h5"
SHA256 = "709c0e61b309f60404101daa89b4224156297e3cf7ef2724155df6a255047f7f"


def build_digits_classifier():
    """A convolutional network for 16x16 gray digits.

    Returns:
        `keras.Model` that maps images of shape `(batch, 16, 16, 1)`, in [0, 1], to a
        dict of `features` of shape `(batch, 64)` and `logits` of shape `(batch, 10)`.
    """
    images = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="images")
    x = images
    for number, channels in enumerate((16, 32, 64)):
        x = keras.layers.Conv2D(
            channels,
            3,
            padding="same",
            activation="relu",
            data_format="channels_last",
            name=f"conv_{number}",
        )(x)
        x = keras.layers.AveragePooling2D(2, data_format="channels_last")(x)
    x = keras.layers.Flatten(data_format="channels_last")(x)
    features = keras.layers.Dense(NUM_FEATURES, activation="relu", name="features")(x)
    logits = keras.layers.Dense(NUM_CLASSES, name="logits")(features)
    return keras.Model(images, {"features": features, "logits": logits})


def digits_features():
    """The classifier as a `FeatureNetwork`, with the weights of this package.

    They come from `examples/train_digits_classifier.py`. Images of other sizes are
    resized to 16 pixels, and those with colors are averaged to gray.
    """
    check_sha256(WEIGHTS, SHA256)
    model = build_digits_classifier()
    model.load_weights(WEIGHTS)

    def prepare(images):
        if images.shape[-1] != 1:
            images = keras.ops.mean(images, axis=-1, keepdims=True)
        if tuple(images.shape[1:3]) != (IMAGE_SIZE, IMAGE_SIZE):
            images = resize_bilinear(images, IMAGE_SIZE, "half_pixel")
        return images / 255.0

    return FeatureNetwork(model, f"digits classifier ({SHA256[:8]})", prepare)
