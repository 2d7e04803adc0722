"""Several perceptual networks as one: the weighted mean of their distances."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_sphere.validation import read_positive, read_sequence


@keras.saving.register_keras_serializable(package="keras_sphere")
class WeightedSum(keras.layers.Layer):
    """Feature maps of several networks, for the weighted mean of their distances.

    The squared distance of the maps is `sum_n w_n d_n / sum_n w_n`: each network's
    maps are multiplied by the root of its share.

    Args:
        networks: List of layers that map images in [0, 1] to lists of feature maps.
        shares: List of positive floats, one per network; only their ratios count.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, channels)`, in [0, 1].

    Returns:
        List of feature maps of all networks, in order.

    Example:

    >>> network = WeightedSum([LPIPS(), ConvNeXtLogits()], [1.0, 0.1])
    """

    feature_distance = "l2"

    def __init__(
        self, networks: Sequence[keras.Layer], shares: Sequence[float], **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        shares = read_sequence("shares", shares, read_positive)
        if len(networks) != len(shares):
            raise ValueError(
                "`shares` must be one number per network, here "
                f"{len(networks)}. Received: shares={shares!r}"
            )
        self.networks = list(networks)
        self.shares = list(shares)
        self.trainable = False

    def build(self, input_shape):
        for network in self.networks:
            if not network.built:
                network.build(input_shape)
        self.built = True

    def call(self, images):
        total, maps = sum(self.shares), []
        for network, share in zip(self.networks, self.shares, strict=True):
            maps += [m * math.sqrt(share / total) for m in network(images)]
        return maps

    @property
    def unsaved_weights(self) -> list[keras.Variable]:
        """Weights that files of models leave out."""
        return [w for n in self.networks for w in getattr(n, "unsaved_weights", ())]

    def get_config(self):
        return {
            **super().get_config(),
            "networks": [keras.saving.serialize_keras_object(n) for n in self.networks],
            "shares": list(self.shares),
        }

    @classmethod
    def from_config(cls, config):
        networks = [
            keras.saving.deserialize_keras_object(n) for n in config["networks"]
        ]
        return cls(**{**config, "networks": networks})
