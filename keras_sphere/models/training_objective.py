"""The losses of a training step: what is compared with what."""

import keras

from keras_sphere import perceptual as perceptual_networks
from keras_sphere.geometry import as_float
from keras_sphere.layers import GradientPyramid
from keras_sphere.losses import LatentCosineDistance, LatentUniformity, PixelLoss
from keras_sphere.models.training_inputs import rescale

LOSS_WEIGHTS = {
    "pixel_reconstruction": 1.0,
    "pixel_consistency": 0.5,
    "latent_consistency": 0.1,
}
UNIFORMITY = "latent_uniformity"
LOSSES = (*LOSS_WEIGHTS, UNIFORMITY)


def pair_losses(images, outputs):
    """Targets and predictions of the losses; targets get no gradient.

    Args:
        images: The images of the batch, uint8 or float in [-1, 1].
        outputs: Dict as `SphereEncoderModel.training_outputs` returns it.

    Returns:
        Pair of dicts with the keys of `LOSS_WEIGHTS`, and `UNIFORMITY` if `outputs`
        holds what it compares.
    """

    def fixed(structure):
        return keras.tree.map_structure(
            lambda x: keras.ops.stop_gradient(keras.ops.convert_to_tensor(x)), structure
        )

    def pixels(tensor, features):
        return {"images": (as_float(tensor) + 1.0) / 2.0, "features": features}

    real, decoded, decoded_noisy = outputs["features"]
    reconstruction = pixels(outputs["reconstruction"], decoded)
    targets = {
        "pixel_reconstruction": fixed(pixels(rescale(images), real)),
        "pixel_consistency": fixed(reconstruction),
        "latent_consistency": fixed(outputs["latents"]),
    }
    predictions = {
        "pixel_reconstruction": reconstruction,
        "pixel_consistency": pixels(outputs["noisy_reconstruction"], decoded_noisy),
        "latent_consistency": outputs["cycled_latents"],
    }
    if "matched_projections" in outputs:
        predictions[UNIFORMITY], targets[UNIFORMITY] = outputs["matched_projections"]
    return targets, predictions


def loss_structure(network, image_shape, names=tuple(LOSS_WEIGHTS)):
    """A dict as `pair_losses` returns two, with a zero in place of each tensor.

    Args:
        network: What `resolve_perceptual` returned.
        image_shape: Tuple of height, width and channels.
        names: Which losses there are.
    """
    maps = []
    if network is not None:
        images = keras.KerasTensor((1, *image_shape), "float32")
        maps = keras.tree.flatten(network.compute_output_spec(images))
    pixels = {"images": 0.0, "features": [0.0] * len(maps)}
    structure = {
        "pixel_reconstruction": pixels,
        "pixel_consistency": pixels,
        "latent_consistency": 0.0,
    }
    return {**structure, UNIFORMITY: 0.0} if UNIFORMITY in names else structure


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


def default_losses(perceptual=None, names=tuple(LOSS_WEIGHTS)):
    """The losses with the paper's distances, by name.

    Args:
        perceptual: The argument of the model, whose maps are made for a distance.
        names: Which of `LOSSES` there are, beside the paper's three.
    """
    feature_distance = perceptual_networks.feature_distance_of(perceptual) or "absolute"
    pixel = {
        name: PixelLoss(name=name, feature_distance=feature_distance)
        for name in ("pixel_reconstruction", "pixel_consistency")
    }
    losses = {
        **pixel,
        "latent_consistency": LatentCosineDistance(name="latent_consistency"),
    }
    if UNIFORMITY in names:
        losses[UNIFORMITY] = LatentUniformity(name=UNIFORMITY)
    return losses


def loss_value(loss, targets, predictions):
    """What a loss, in any form that `compile` takes, makes of a batch: a scalar."""
    return keras.ops.mean(keras.losses.get(loss)(targets, predictions))
