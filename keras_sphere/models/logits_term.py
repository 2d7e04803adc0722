"""What a frozen classifier says of images and of what was decoded."""

import keras

from keras_sphere import perceptual
from keras_sphere.choices import CLASSIFIERS
from keras_sphere.perceptual.input_augmentation import draw_window, scale_and_shift


@keras.saving.register_keras_serializable(package="keras_sphere")
class LogitsTerm(keras.layers.Layer):
    """Logits of pairs of images, both seen through the same random window.

    Args:
        classifier: Keras layer that maps images in [0, 1] to logits: a tensor of shape
            `(batch, classes)`, a list of one, or a dict with the key `logits`.
        seed: Integer or `None`. Of the windows, whose stream is their own.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        real: Float tensor of shape `(batch, height, width, channels)`, in [0, 1].
        fake: Float tensor of the same shape.
        draws: Dict as `draw` returns it; `None` draws.

    Returns:
        Pair of tensors of shape `(batch, classes)`.
    """

    def __init__(self, classifier, seed=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.classifier = classifier
        self.classifier.trainable = False
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        if not self.classifier.built:
            self.classifier.build(input_shape)

    def draw(self, images):
        """The windows of a batch; see `input_augmentation.draw_window`."""
        return draw_window(keras.ops.shape(images), self.seed_generator)

    def call(self, real, fake, draws=None):
        draws = self.draw(real) if draws is None else draws
        images = keras.ops.concatenate(
            [scale_and_shift(x, **draws) for x in (real, fake)], axis=0
        )
        logits = self.classifier(images)
        if isinstance(logits, dict):
            logits = logits["logits"]
        (logits,) = keras.tree.flatten(logits)
        return keras.ops.split(logits, 2, axis=0)

    def compute_output_shape(self, *args, **kwargs):
        return (None, None), (None, None)


def resolve_classifier(classifier, dtype=None):
    """The frozen network behind the argument `classifier` of the model.

    Args:
        classifier: One of `choices.CLASSIFIERS`, or a Keras layer.
        dtype: Dtype policy of a network that is named.

    Raises:
        FileNotFoundError: If the weights of a named network are missing.
        ValueError: If it is something else.
    """
    if isinstance(classifier, keras.Layer):
        return classifier
    if isinstance(classifier, str) and classifier in CLASSIFIERS:
        return perceptual.load_classifier(classifier, dtype=dtype)
    raise ValueError(
        f"`classifier` must be None, one of {list(CLASSIFIERS)}, or a Keras layer that "
        f"returns logits. Received: classifier={classifier!r}"
    )
