"""What the perceptual networks share: weights from a file, never trained."""

import os
from collections.abc import Mapping
from typing import Any

import keras

from keras_sphere.perceptual.weight_files import (
    check_shapes,
    find_weight_files,
    read_weight_file,
)
from keras_sphere.typing import Array, PathLike, Tensor


class FrozenNetwork(keras.layers.Layer):
    """Base class of pretrained networks, whose weights are read and never trained.

    The weights are variables of the layer itself, so a model that holds it passes them
    to its compiled programs as arguments. Files of models leave out weights that come
    from a source, and read them from there again when they are loaded.

    Convolutions and matrix products run in the compute dtype of the layer, all else in
    float32.

    A subclass names its `file_name` and has `weight_shapes`, `used_names`,
    `keras_weights` and `features`. Where its weights are from elsewhere, it names its
    `sources` and `file_endings` and has `read_weights`.

    Args:
        source: Where the weights come from. `"torchvision"`, the default: the file
            `file_name` that `keras_sphere.convert.perceptual` makes, in the folder of
            the environment variable `KERAS_SPHERE_PERCEPTUAL_DIR` or in Keras' cache.
            A path that ends in `.npz`: such a file. `"keras_applications"`: what
            `keras.applications` downloads. `None`: random values, which files of
            models keep.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        images: Float tensor of shape `(batch, height, width, 1 or 3)`, in [0, 1].

    Returns:
        List of float32 feature maps of shape `(batch, ...)`.

    Raises:
        FileNotFoundError: If the weights are nowhere to be found.
        CorruptFileError: If their file is damaged.
        ValueError: If they do not fit, or the images are too small.
    """

    feature_distance: str | None = "l2"
    file_name: str | None = None
    sources: tuple[str, ...] = ("torchvision", "keras_applications")
    file_endings: tuple[str, ...] = (".npz",)
    smallest_image = 1

    def __init__(self, source: PathLike | None = "torchvision", **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        if source is not None:
            source = os.fspath(source)
            if source not in self.sources and not source.endswith(self.file_endings):
                raise ValueError(
                    f"`source` must be None, one of {list(self.sources)}, or the path "
                    f"of an {' or '.join(self.file_endings)} file. "
                    f"Received: source={source!r}"
                )
        self.source = source

    def build(self, input_shape):
        *_, height, width, channels = input_shape
        sides = [side for side in (height, width) if side is not None]
        if channels not in (1, 3) or min(sides, default=2**20) < self.smallest_image:
            raise ValueError(
                f"The images of {type(self).__name__} must have 1 or 3 channels and at "
                f"least {self.smallest_image} px on each side. Received: shape "
                f"{tuple(input_shape)}"
            )
        shapes = self.weight_shapes()
        weights = {} if self.source is None else self.read_weights(shapes)
        self.arrays = {}
        for name in self.used_names():
            kind = name.rpartition("_")[2]
            random = {"kernel": "he_normal", "bias": "zeros"}.get(kind, "ones")
            self.arrays[name] = self.add_weight(
                name=name,
                shape=shapes[name],
                initializer=random if self.source is None else "zeros",
                trainable=False,
                autocast=False,
            )
            if self.source is not None:
                self.arrays[name].assign(weights.pop(name))
        self.built = True

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Dict of name -> shape of all weights of the file, used here or not."""
        raise NotImplementedError

    def used_names(self) -> list[str]:
        """Names of the weights that the layer has."""
        return list(self.weight_shapes())

    def keras_weights(self) -> dict[str, Array]:
        """Dict of name -> array, from `keras.applications`."""
        raise NotImplementedError

    def features(self, images: Tensor) -> Any:
        """Feature maps of float32 images of 3 channels."""
        raise NotImplementedError

    def call(self, images):
        images = keras.ops.cast(images, "float32")
        if images.shape[-1] == 1:
            images = keras.ops.repeat(images, 3, axis=-1)
        return self.features(images)

    def read_weights(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
        """Dict of name -> array of the weights in `used_names`, from the source."""
        if self.source == "keras_applications":
            weights = self.keras_weights()
            received = {name: array.shape for name, array in weights.items()}
            check_shapes(received, shapes, "keras.applications")
            return weights
        path = self.source
        if path in self.sources:
            path = find_weight_files([self.file_name], type(self).__name__)[0]
        return read_weight_file(path, shapes, self.used_names())

    def value(self, name: str) -> Tensor:
        """A weight in the compute dtype."""
        return keras.ops.cast(self.arrays[name], self.compute_dtype)

    def convolution(
        self, x: Tensor, name: str, strides: int = 1, padding: str = "valid"
    ) -> Tensor:
        """Convolution with the weights `<name>_kernel` and `<name>_bias`."""
        x = keras.ops.conv(
            keras.ops.cast(x, self.compute_dtype),
            self.value(f"{name}_kernel"),
            strides=strides,
            padding=padding,
            data_format="channels_last",
        )
        return x + self.value(f"{name}_bias")

    @property
    def unsaved_weights(self) -> list[keras.Variable]:
        """Weights that files of models leave out."""
        return [] if self.source is None else self.weights

    def save_own_variables(self, store):
        """Saves random weights only: others are read from their source again."""
        if self.source is None:
            super().save_own_variables(store)

    def load_own_variables(self, store):
        """See `save_own_variables`."""
        if self.source is None:
            super().load_own_variables(store)

    def get_build_config(self):
        """None: what holds the layer builds it, so that files are read once."""

    def get_config(self):
        config = super().get_config()
        return {**config, "source": self.source}
