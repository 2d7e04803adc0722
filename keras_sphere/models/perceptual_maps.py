"""The perceptual network of a model, and its maps of several batches."""

import keras

from keras_sphere import perceptual as perceptual_networks
from keras_sphere.layers import GradientPyramid


def resolve_perceptual(perceptual, dtype=None):
    """The frozen network behind the argument `perceptual` of the model.

    Args:
        perceptual: `None`, `"gradient"`, one of `keras_sphere.perceptual.NAMES`, or a
            Keras layer or model.
        dtype: Dtype policy of a network that is named.

    Returns:
        Keras layer whose weights are not trained, or `None`.

    Raises:
        FileNotFoundError: If the weights of a named network are missing.
        ValueError: If it is something else.
    """
    if perceptual is None:
        return None
    if isinstance(perceptual, keras.Layer):
        network = perceptual
    elif perceptual == "gradient":
        network = GradientPyramid(dtype="float32", name="perceptual")
    elif isinstance(perceptual, str) and perceptual in perceptual_networks.NAMES:
        network = perceptual_networks.load(perceptual, dtype=dtype)
    else:
        names = ", ".join(f'"{name}"' for name in perceptual_networks.NAMES)
        raise ValueError(
            f'`perceptual` must be None, "gradient", {names}, or a Keras model that '
            f"returns feature maps. Received: perceptual={perceptual!r}"
        )
    network.trainable = False
    return network


def resolve_distribution_network(model):
    """The frozen network whose maps losses of distributions compare.

    Args:
        model: `SphereEncoderModel`.

    Returns:
        Keras layer, built; or `None` for pixels, and where the model has no perceptual
        network whose maps they could be.

    Raises:
        FileNotFoundError: If the weights of a named network are missing.
    """
    given, backbone = model.distribution_features, model.backbone
    if given == "pixels":
        return None
    if given == "features":
        return model.perceptual_network
    network = given
    if isinstance(given, str):
        network = perceptual_networks.load_features(given, dtype=backbone.dtype_policy)
    network.trainable = False
    if not network.built:
        side = backbone.image_size
        network.build((None, side, side, backbone.num_channels))
    return network


def feature_maps(network, *image_batches):
    """Perceptual feature maps of several batches of images, in one pass.

    Args:
        network: What `resolve_perceptual` returned.
        *image_batches: Float tensors of one shape, in [-1, 1].

    Returns:
        List of a list of tensors for each of them, empty without a network.
    """
    if network is None:
        return [[] for _ in image_batches]
    together = keras.ops.concatenate(image_batches, axis=0)
    maps = network((together + 1.0) / 2.0)
    maps = maps if isinstance(maps, (list, tuple)) else [maps]
    parts = [keras.ops.split(m, len(image_batches), axis=0) for m in maps]
    return [list(batch) for batch in zip(*parts, strict=True)]
