"""Small classifiers of well-known data sets, whose features need no download."""

import dataclasses
import pathlib

import keras

from keras_sphere.evaluation.feature_networks import FeatureNetwork
from keras_sphere.files.integrity import check_sha256
from keras_sphere.perceptual.resizing import resize_bilinear

NUM_FEATURES, NUM_CLASSES = 64, 10
FOLDER = pathlib.Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A classifier that comes with the package.

    Args:
        title: String. What results call it.
        image_size: Integer.
        channels: Tuple of integers, of its convolutions.
        sha256: String. Of its file of weights.
    """

    title: str
    image_size: int
    channels: tuple[int, ...]
    sha256: str


# By the names of the data sets in `keras_sphere.data.load`.
CLASSIFIERS = {
    "digits": Classifier(
        "digits classifier",
        16,
        (16, 32, 64),
        "709c0e61b309f60404101daa89b4224156297e3cf7ef2724155df6a255047f7f",
    ),
    "fashion_mnist": Classifier(
        "Fashion-MNIST classifier",
        28,
        (32, 64, 128),
        "d30bd8c4c491f39f8c2a2cb981cb7b990b6bd27ff28ff26486f3be96a8a69efe",
    ),
}


def build_classifier(name):
    """A convolutional network for small gray images.

    Args:
        name: A key of `CLASSIFIERS`.

    Returns:
        `keras.Model` that maps images of shape `(batch, size, size, 1)`, in [0, 1], to
        a dict of `features` of shape `(batch, 64)` and `logits` of shape
        `(batch, 10)`.
    """
    classifier = CLASSIFIERS[name]
    images = keras.Input(
        (classifier.image_size, classifier.image_size, 1), name="images"
    )
    x = images
    for number, channels in enumerate(classifier.channels):
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


def weights_path(name):
    """The file of weights of a classifier, in this package."""
    return FOLDER / f"{name}_classifier.weights.h5"


def classifier_features(name):
    """A classifier as a `FeatureNetwork`, with the weights of this package.

    They come from `examples/train_classifier.py`. Images of other sizes are resized to
    the classifier's, and those with colors are averaged to gray.

    Args:
        name: A key of `CLASSIFIERS`.
    """
    classifier = CLASSIFIERS[name]
    check_sha256(weights_path(name), classifier.sha256)
    model = build_classifier(name)
    model.load_weights(weights_path(name))
    side = classifier.image_size

    def prepare(images):
        if images.shape[-1] != 1:
            images = keras.ops.mean(images, axis=-1, keepdims=True)
        if tuple(images.shape[1:3]) != (side, side):
            images = resize_bilinear(images, side, "half_pixel")
        return images / 255.0

    title = f"{classifier.title} ({classifier.sha256[:8]})"
    return FeatureNetwork(model, title, prepare)
