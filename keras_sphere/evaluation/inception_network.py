"""The Inception network that the Frechet Inception distance is defined by, in Keras.

It is the TensorFlow network of December 2015, whose public PyTorch copy
(`pt_inception-2015-12-05-6726825d.pth`) every implementation of the FID reads. It
differs from the Inception V3 of `keras.applications`: 1,008 classes, average pools
that leave padding out, and a maximum pool in the last block.
"""

import keras

from keras_sphere.files.integrity import sha256
from keras_sphere.perceptual.weight_files import read_weight_file

NUM_FEATURES, NUM_LOGITS = 2048, 1008
IMAGE_SIDE = 299


def build_inception_network(width_divisor=1):
    """Builds the network with weights that are not those of any file.

    Args:
        width_divisor: Integer. Divides the channels of every convolution, for tests.

    Returns:
        `keras.Model` that maps float images of shape `(batch, 299, 299, 3)`, in
        [-1, 1], to a dict of `features` of shape `(batch, 2048)` and `logits` of
        shape `(batch, 1008)`. Layers are named by `layer_name`.

    Reference:
        - [Heusel et al., 2017](https://arxiv.org/abs/1706.08500)
    """
    images = keras.Input((None, None, 3), name="images")
    net = _Builder(width_divisor)
    x = net.conv(images, "Conv2d_1a_3x3", 32, 3, strides=2, padding="valid")
    x = net.conv(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = net.conv(x, "Conv2d_2b_3x3", 64, 3)
    x = keras.layers.MaxPooling2D(3, 2)(x)
    x = net.conv(x, "Conv2d_3b_1x1", 80, 1, padding="valid")
    x = net.conv(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    x = keras.layers.MaxPooling2D(3, 2)(x)
    for name, pool_channels in (("5b", 32), ("5c", 64), ("5d", 64)):
        x = net.mixed_5(x, f"Mixed_{name}", pool_channels)
    x = net.mixed_6a(x, "Mixed_6a")
    for name, channels in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        x = net.mixed_6(x, f"Mixed_{name}", channels)
    x = net.mixed_7a(x, "Mixed_7a")
    x = net.mixed_7(x, "Mixed_7b", _average_pool)
    x = net.mixed_7(x, "Mixed_7c", _max_pool)
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    logits = keras.layers.Dense(NUM_LOGITS, name="fc")(features)
    return keras.Model(images, {"features": features, "logits": logits})


def layer_name(name):
    """The name of the layer that has the tensors `name.*` of the public file."""
    return name.replace(".", "-")


def weight_layouts(network):
    """Every variable of the network under the public name of its tensor.

    Args:
        network: Keras model as `build_inception_network` returns it.

    Returns:
        Dict from names to a variable, the axes that turn its layout into the public
        one, and the axes that turn it back.
    """
    kernel, matrix, vector = ((3, 2, 0, 1), (2, 3, 1, 0)), ((1, 0),) * 2, ((0,),) * 2
    layouts = {}
    for layer in network.layers:
        name = layer.name.replace("-", ".")
        if isinstance(layer, keras.layers.Conv2D):
            layouts[f"{name}.weight"] = (layer.kernel, *kernel)
        elif isinstance(layer, keras.layers.BatchNormalization):
            layouts[f"{name}.weight"] = (layer.gamma, *vector)
            layouts[f"{name}.bias"] = (layer.beta, *vector)
            layouts[f"{name}.running_mean"] = (layer.moving_mean, *vector)
            layouts[f"{name}.running_var"] = (layer.moving_variance, *vector)
        elif isinstance(layer, keras.layers.Dense):
            layouts[f"{name}.weight"] = (layer.kernel, *matrix)
            layouts[f"{name}.bias"] = (layer.bias, *vector)
    return layouts


def load_inception_weights(network, path):
    """Loads what `keras_sphere.evaluation.inception_weights` has written.

    Args:
        network: Keras model as `build_inception_network` returns it.
        path: String or path of the file.

    Returns:
        String. The SHA-256 of the file.

    Raises:
        CorruptFileError: If it is damaged.
        ValueError: If it does not hold the weights of the network.
    """
    layouts = weight_layouts(network)
    shapes = {name: tuple(v.shape) for name, (v, _, _) in layouts.items()}
    arrays = read_weight_file(path, shapes, list(shapes))
    for name, (variable, _, _) in layouts.items():
        variable.assign(arrays[name])
    return sha256(path)


def _average_pool(x):
    """A 3x3 mean over the pixels that there are."""
    return keras.layers.AveragePooling2D(3, 1, padding="same")(x)


def _max_pool(x):
    return keras.layers.MaxPooling2D(3, 1, padding="same")(x)


class _Builder:
    """The blocks of the network."""

    def __init__(self, width_divisor):
        self.width_divisor = width_divisor

    def conv(self, x, name, channels, size, strides=1, padding="same"):
        """A convolution without bias, batch normalization and ReLU."""
        x = keras.layers.Conv2D(
            channels // self.width_divisor,
            size,
            strides,
            padding,
            use_bias=False,
            name=layer_name(f"{name}.conv"),
        )(x)
        x = keras.layers.BatchNormalization(
            epsilon=1e-3, name=layer_name(f"{name}.bn")
        )(x)
        return keras.layers.ReLU()(x)

    def chain(self, x, name, *steps):
        """Convolutions one after the other, named `name_1`, `name_2`, ..."""
        for i, (channels, size) in enumerate(steps, start=1):
            x = self.conv(x, f"{name}_{i}", channels, size)
        return x

    def reduction(self, x, name, channels):
        """The 3x3 convolution of stride 2 that ends a branch."""
        return self.conv(x, name, channels, 3, strides=2, padding="valid")

    def mixed_5(self, x, name, pool_channels):
        return keras.ops.concatenate(
            [
                self.conv(x, f"{name}.branch1x1", 64, 1),
                self.chain(x, f"{name}.branch5x5", (48, 1), (64, 5)),
                self.chain(x, f"{name}.branch3x3dbl", (64, 1), (96, 3), (96, 3)),
                self.conv(_average_pool(x), f"{name}.branch_pool", pool_channels, 1),
            ],
            axis=-1,
        )

    def mixed_6a(self, x, name):
        double = self.chain(x, f"{name}.branch3x3dbl", (64, 1), (96, 3))
        return keras.ops.concatenate(
            [
                self.reduction(x, f"{name}.branch3x3", 384),
                self.reduction(double, f"{name}.branch3x3dbl_3", 96),
                keras.layers.MaxPooling2D(3, 2)(x),
            ],
            axis=-1,
        )

    def mixed_6(self, x, name, channels):
        row, column, c = (1, 7), (7, 1), channels
        double = ((c, 1), (c, column), (c, row), (c, column), (192, row))
        return keras.ops.concatenate(
            [
                self.conv(x, f"{name}.branch1x1", 192, 1),
                self.chain(x, f"{name}.branch7x7", (c, 1), (c, row), (192, column)),
                self.chain(x, f"{name}.branch7x7dbl", *double),
                self.conv(_average_pool(x), f"{name}.branch_pool", 192, 1),
            ],
            axis=-1,
        )

    def mixed_7a(self, x, name):
        steps = ((192, 1), (192, (1, 7)), (192, (7, 1)))
        wide = self.chain(x, f"{name}.branch7x7x3", *steps)
        return keras.ops.concatenate(
            [
                self.reduction(
                    self.chain(x, f"{name}.branch3x3", (192, 1)),
                    f"{name}.branch3x3_2",
                    320,
                ),
                self.reduction(wide, f"{name}.branch7x7x3_4", 192),
                keras.layers.MaxPooling2D(3, 2)(x),
            ],
            axis=-1,
        )

    def mixed_7(self, x, name, pool):
        single = self.chain(x, f"{name}.branch3x3", (384, 1))
        double = self.chain(x, f"{name}.branch3x3dbl", (448, 1), (384, 3))
        return keras.ops.concatenate(
            [
                self.conv(x, f"{name}.branch1x1", 320, 1),
                self.conv(single, f"{name}.branch3x3_2a", 384, (1, 3)),
                self.conv(single, f"{name}.branch3x3_2b", 384, (3, 1)),
                self.conv(double, f"{name}.branch3x3dbl_3a", 384, (1, 3)),
                self.conv(double, f"{name}.branch3x3dbl_3b", 384, (3, 1)),
                self.conv(pool(x), f"{name}.branch_pool", 192, 1),
            ],
            axis=-1,
        )
