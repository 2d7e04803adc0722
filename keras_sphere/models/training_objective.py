"""The three losses of a training step: what is compared with what."""

import keras

from keras_sphere import perceptual as perceptual_networks
from keras_sphere.geometry import as_float
from keras_sphere.layers import GradientPyramid
from keras_sphere.losses import LatentCosineDistance, PixelLoss
from keras_sphere.models.training_inputs import rescale

LOSS_WEIGHTS = {
    "pixel_reconstruction": 1.0,
    "pixel_consistency": 0.5,
    "latent_consistency": 0.1,
}


def pair_losses(images, outputs):
    """Targets and predictions of the three losses; targets get no gradient.

    Args:
        images: The images of the batch, uint8 or float in [-1, 1].
        outputs: Dict as `SphereEncoderModel.training_outputs` returns it.

    Returns:
        Pair of dicts with the keys of `LOSS_WEIGHTS`.
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
    return targets, predictions


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
        network = GradientPyramid(name="perceptual")
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


def default_losses(feature_distance="absolute"):
    """The three losses with the paper's distances, by name.

    Args:
        feature_distance: What the maps of the perceptual network are made for.
    """
    pixel = {
        name: PixelLoss(name=name, feature_distance=feature_distance)
        for name in ("pixel_reconstruction", "pixel_consistency")
    }
    return {
        **pixel,
        "latent_consistency": LatentCosineDistance(name="latent_consistency"),
    }
