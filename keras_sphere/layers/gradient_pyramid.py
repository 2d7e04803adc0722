"""Image gradients at several scales: perceptual features that need no weights."""

from typing import Any

import keras

from keras_sphere.validation import read_integer


@keras.saving.register_keras_serializable(package="keras_sphere")
class GradientPyramid(keras.layers.Layer):
    """Differences of neighboring pixels, at full size and after each halving.

    Edges weigh more than in a pixel distance, so a distance between these features
    favors sharp strokes. It has no weights and is not trained; it stands in for
    LPIPS where no pretrained network is at hand, and is not equal to it.

    Args:
        num_scales: Integer. Levels of the pyramid; the last levels are left out
            where an image is smaller than 2 pixels.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)`.

    Returns:
        List of feature maps: per scale the vertical and the horizontal differences.
    """

    def __init__(self, num_scales: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_scales = read_integer("num_scales", num_scales)

    def call(self, images):
        features = []
        for _ in range(self.num_scales):
            if min(images.shape[1:3]) < 2:
                break
            features.append(images[:, 1:] - images[:, :-1])
            features.append(images[:, :, 1:] - images[:, :, :-1])
            images = keras.ops.average_pool(
                images, 2, strides=2, data_format="channels_last"
            )
        return features

    def get_config(self):
        return {**super().get_config(), "num_scales": self.num_scales}
