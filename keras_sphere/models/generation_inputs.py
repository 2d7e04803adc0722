"""What the model's NumPy methods accept, checked and brought into one form."""

import random

import keras
import numpy as np

from keras_sphere import validation
from keras_sphere.image_validation import as_images
from keras_sphere.models.training_inputs import rescale
from keras_sphere.validation import as_array, read_integer


def read_images(backbone, images, name="images"):
    """Checked images as a float32 array in [-1, 1].

    Args:
        backbone: `SphereEncoderBackbone`.
        images: Array of shape `(batch, height, width, channels)`, uint8 or float in
            [-1, 1].
        name: String. Name of the argument, for messages.
    """
    images = as_images(name, images, backbone.image_size, backbone.num_channels)
    return np.asarray(keras.ops.convert_to_numpy(rescale(images)))


def read_latents(backbone, name, latents, num_images=None):
    """Checked latents as a float32 array; `None` stays `None`."""
    if latents is None:
        return None
    latents = np.asarray(as_array(name, latents), "float32")
    num_images = latents.shape[0] if num_images is None else num_images
    expected = (num_images, *backbone.latent_shape)
    if latents.shape != expected or not np.all(np.isfinite(latents)):
        raise ValueError(
            f"`{name}` must be finite, of shape {expected}: images, tokens, "
            f"channels. Received: shape {latents.shape}, "
            f"{'finite' if np.all(np.isfinite(latents)) else 'not finite'}"
        )
    return latents


def read_told_angles(model, angle_degrees, num_images):
    """Angles that a decoder is told, in radians, as a float32 array; one per image.

    Args:
        model: `SphereEncoderModel`.
        angle_degrees: Number, or numbers of shape `(num_images,)`; `None` is 0.
        num_images: Integer.

    Returns:
        float32 array of shape `(num_images,)`, or `None` if the decoder is not told.
    """
    if not model.backbone.tells_angle:
        if angle_degrees is not None:
            raise ValueError(
                "`angle_degrees` must be None: the model's decoder is told no angle "
                f"(angle_condition=None). Received: angle_degrees={angle_degrees!r}"
            )
        return None
    degrees = as_array("angle_degrees", 0.0 if angle_degrees is None else angle_degrees)
    largest = model.noise_schedule.max_angle_degrees
    if degrees.shape not in ((), (num_images,)) or not (
        np.all(degrees >= 0) and np.all(degrees <= largest)
    ):
        raise ValueError(
            f"`angle_degrees` must be in [0, {largest:g}], the angles that the model "
            f"was trained with: one number, or {num_images}. Received: "
            f"angle_degrees={angle_degrees!r}"
        )
    return np.broadcast_to(np.radians(degrees), (num_images,)).astype("float32")


def read_step_noise(backbone, step_noise, num_images, num_draws, options):
    """The first `num_draws` noises as a list of arrays; `None` stays `None`."""
    if step_noise is None:
        return None
    if len(step_noise) < num_draws:
        raise ValueError(
            f"`step_noise` must hold {num_draws} noises for "
            f"{options.steps} steps with shared_noise={options.shared_noise}. "
            f"Received: {len(step_noise)} noises"
        )
    return [
        read_latents(backbone, "step_noise", noise, num_images)
        for noise in step_noise[:num_draws]
    ]


def read_seed(seed):
    """The seed, or a random one for `None`."""
    if seed is None:
        return random.getrandbits(63)
    return validation.read_seed("seed", seed)


def count_images(num_images, labels, noise, embeddings=None):
    """How many images to generate, by whatever says so."""
    if num_images is None:
        if noise is not None:
            return len(np.atleast_1d(as_array("noise", noise)))
        if embeddings is not None and embeddings.ndim == 2 and len(embeddings) > 1:
            return len(embeddings)
        has_rows = isinstance(labels, (list, tuple, range)) or getattr(
            labels, "ndim", 0
        )
        return len(labels) if has_rows else 1
    return read_integer("num_images", num_images)
