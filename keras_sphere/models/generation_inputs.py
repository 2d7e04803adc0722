"""What the model's NumPy methods accept, checked and brought into one form."""

import random

import keras
import numpy as np

from keras_sphere import validation
from keras_sphere.class_names import class_ids
from keras_sphere.image_validation import as_images
from keras_sphere.models.training_inputs import rescale
from keras_sphere.validation import (
    as_array,
    check_class_weights,
    check_labels,
    read_integer,
)


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


def read_labels(backbone, labels, num_images, name="labels"):
    """Labels of `num_images` images; the null class if there are none.

    Args:
        backbone: `SphereEncoderBackbone`.
        labels: One integer for all images, integers of shape `(num_images,)`, a
            dict of class to weight for all images (divided by their sum), or floats
            of shape `(num_images, num_classes)`, or one column more for the null
            class, each row with the sum 1. `None` is the null class. The name of a
            class stands wherever its integer does.
        num_images: Integer.
        name: String. Name of the argument, for messages.

    Returns:
        int32 array of shape `(num_images,)`; float32 of shape `(num_images,
        num_classes + 1)` for mixed classes; `None` for an unconditional model.
    """
    num_classes = backbone.num_classes
    if num_classes == 0:
        if labels is not None:
            raise ValueError(
                f"`{name}` must be None: the model is unconditional "
                f"(num_classes=0). Received: {name}={labels!r}"
            )
        return None
    if labels is None:
        return np.full((num_images,), num_classes, "int32")
    labels = class_ids(labels, backbone.class_names, name)
    if isinstance(labels, dict):
        return np.tile(_mix(labels, num_classes, name), (num_images, 1))
    labels = as_array(name, labels)
    if labels.ndim == 2 and labels.dtype.kind == "f":
        check_class_weights(labels, num_classes, num_images, name)
        missing = num_classes + 1 - labels.shape[1]
        return np.pad(labels, ((0, 0), (0, missing))).astype("float32")
    if labels.ndim == 0:
        labels = np.full((num_images,), labels)
    check_labels(labels, num_classes, num_images, name)
    return labels.reshape(-1).astype("int32")


def read_classes(backbone, labels, num_images, name="labels"):
    """As `read_labels`, of one class per image: no mixes, and `None` stays."""
    if labels is None:
        return None
    labels = read_labels(backbone, labels, num_images, name)
    if labels.ndim != 1:
        raise ValueError(
            f"`{name}` must be one class per image, not a mix of classes. "
            f"Received: {name} of shape {labels.shape}"
        )
    return labels


def class_weights(backbone, labels):
    """What `read_labels` returned, as weights of shape `(batch, num_classes + 1)`."""
    if labels is None or labels.ndim == 2:
        return labels
    return np.eye(backbone.num_classes + 1, dtype="float32")[labels]


def _mix(labels, num_classes, name):
    """A dict of class to weight as one row of weights."""
    row = np.zeros(num_classes + 1, "float32")
    if labels:
        classes = as_array(name, list(labels))
        check_labels(classes, num_classes, name=name)
        row[classes] = as_array(name, list(labels.values()))
    if not np.all(np.isfinite(row)) or row.sum() <= 0:
        raise ValueError(
            f"`{name}` given as a dict must have finite weights with a positive sum. "
            f"Received: {name}={labels}"
        )
    return row / row.sum()


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


def count_images(num_images, labels, noise):
    """How many images to generate, by whatever says so."""
    if num_images is None:
        if noise is not None:
            return len(np.atleast_1d(as_array("noise", noise)))
        has_rows = isinstance(labels, (list, tuple, range)) or getattr(
            labels, "ndim", 0
        )
        return len(labels) if has_rows else 1
    return read_integer("num_images", num_images)
