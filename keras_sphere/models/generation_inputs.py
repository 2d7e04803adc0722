"""What the model's NumPy methods accept, checked and brought into one form."""

import random

import keras
import numpy as np

from keras_sphere.class_names import class_ids
from keras_sphere.models.training_inputs import is_array, rescale
from keras_sphere.validation import (
    check_class_weights,
    check_images,
    check_labels,
    check_positive_integer,
)


def read_images(backbone, images):
    """Checked images as a float32 array in [-1, 1].

    Args:
        backbone: `SphereEncoderBackbone`.
        images: Array of shape `(batch, height, width, channels)`, uint8 or float in
            [-1, 1].
    """
    images = images if is_array(images) else np.asarray(images)
    check_images(images, backbone.image_size, backbone.num_channels)
    return np.asarray(keras.ops.convert_to_numpy(rescale(images)))


def read_labels(backbone, labels, num_images):
    """Labels of `num_images` images; the null class if there are none.

    Args:
        backbone: `SphereEncoderBackbone`.
        labels: One integer for all images, integers of shape `(num_images,)`, a
            dict of class to weight for all images (divided by their sum), or floats
            of shape `(num_images, num_classes)`, or one column more for the null
            class, each row with the sum 1. `None` is the null class. The name of a
            class stands wherever its integer does.
        num_images: Integer.

    Returns:
        int32 array of shape `(num_images,)`; float32 of shape `(num_images,
        num_classes + 1)` for mixed classes; `None` for an unconditional model.
    """
    num_classes = backbone.num_classes
    if num_classes == 0:
        if labels is not None:
            raise ValueError(
                "`labels` must be None: the model is unconditional "
                f"(num_classes=0). Received: labels={labels!r}"
            )
        return None
    if labels is None:
        return np.full((num_images,), num_classes, "int32")
    labels = ids_of_names(backbone, labels)
    if isinstance(labels, dict):
        return np.tile(_mix(labels, num_classes), (num_images, 1))
    labels = np.asarray(keras.ops.convert_to_numpy(labels))
    if labels.ndim == 2 and labels.dtype.kind == "f":
        check_class_weights(labels, num_classes, num_images)
        missing = num_classes + 1 - labels.shape[1]
        return np.pad(labels, ((0, 0), (0, missing))).astype("float32")
    if labels.ndim == 0:
        labels = np.full((num_images,), labels)
    check_labels(labels, num_classes, num_images)
    return labels.reshape(-1).astype("int32")


def ids_of_names(backbone, labels):
    """Labels with ids in place of names; as they are for an unconditional model."""
    return class_ids(labels, backbone.class_names) if backbone.num_classes else labels


def class_weights(backbone, labels):
    """What `read_labels` returned, as weights of shape `(batch, num_classes + 1)`."""
    if labels is None or labels.ndim == 2:
        return labels
    return np.eye(backbone.num_classes + 1, dtype="float32")[labels]


def _mix(labels, num_classes):
    """A dict of class to weight as one row of weights."""
    classes = np.asarray(list(labels))
    check_labels(classes, num_classes)
    row = np.zeros(num_classes + 1, "float32")
    row[classes] = list(labels.values())
    if not np.all(np.isfinite(row)) or row.sum() <= 0:
        raise ValueError(
            "`labels` given as a dict must have finite weights with a positive sum. "
            f"Received: labels={labels}"
        )
    return row / row.sum()


def read_latents(backbone, name, latents, num_images=None):
    """Checked latents as a float32 array; `None` stays `None`."""
    if latents is None:
        return None
    latents = np.asarray(keras.ops.convert_to_numpy(latents), "float32")
    num_images = latents.shape[0] if num_images is None else num_images
    expected = (num_images, *backbone.latent_shape)
    if latents.shape != expected or not np.all(np.isfinite(latents)):
        raise ValueError(
            f"`{name}` must be finite, of shape {expected}: images, tokens, "
            f"channels. Received: shape {latents.shape}, "
            f"{'finite' if np.all(np.isfinite(latents)) else 'not finite'}"
        )
    return latents


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
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise ValueError(
            f"`seed` must be None or an integer in [0, 2**64). Received: seed={seed!r}"
        )
    return int(seed)


def count_images(num_images, labels, noise):
    """How many images to generate, by whatever says so."""
    if num_images is None:
        if noise is not None:
            return len(noise)
        one_for_all = labels is None or isinstance(labels, dict) or not np.ndim(labels)
        return 1 if one_for_all else len(labels)
    check_positive_integer("num_images", num_images)
    return num_images
