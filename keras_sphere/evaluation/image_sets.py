"""Sets of images to compare, made or read a batch at a time from any place on."""

import functools
import hashlib
import json

import numpy as np

from keras_sphere.evaluation.model_names import refiner_name
from keras_sphere.image_validation import as_images, as_pixels
from keras_sphere.sampling import host_noise
from keras_sphere.validation import if_given, read_boolean, read_integer, read_seed


def to_bytes(images, name="images"):
    """Images in [-1, 1] as uint8, `floor(255 (x + 1) / 2)`, as the paper writes them.

    Args:
        images: Array, uint8 (returned as it is) or float in [-1, 1].
        name: String. What messages call them.

    Returns:
        uint8 array of the same shape.

    Raises:
        ValueError: If they are neither uint8 nor finite floats in [-1, 1].
    """
    images = as_pixels(name, images)
    if images.dtype == np.uint8:
        return images
    share = (np.clip(images, -1.0, 1.0).astype("float64") + 1.0) / 2.0
    return np.floor(255.0 * share).astype("uint8")


def fingerprint(settings):
    """Short name of plain settings, the same for the same ones: 16 digits."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class GivenImages:
    """Images that are there already.

    Args:
        images: Array of shape `(count, height, width, channels)`, uint8 or float in
            [-1, 1]; or an `ImageDataset` of `keras_sphere.data`, of which at most
            `count` images, in file order, are read when they are needed.
        name: String. What results call the set.
        count: Integer or `None` for all.
        labels: Integer array, or `None`.
        argument: String. What messages call the images.

    Raises:
        ValueError: If the images are neither uint8 nor finite floats in [-1, 1];
            those of a dataset are checked when they are read.
    """

    def __init__(self, images, name, count=None, labels=None, argument="images"):
        self._dataset = images if hasattr(images, "examples") else None
        if self._dataset is None:
            images = as_images(argument, images)
            available = len(images)
        else:
            available = images.description.num_images
        count = if_given(read_integer, "count", count)
        self.count = available if count is None else min(count, available)
        self.name, self._argument = name, argument
        self._images = images
        self._labels = labels

    @property
    def num_classes(self):
        """How many classes the labels are of; 0 if that is not known."""
        return self._dataset.description.num_classes if self._dataset else 0

    @functools.cached_property
    def settings(self):
        """What the set is, as plain values; its content stands in as a checksum."""
        if self._dataset is None:
            content = np.ascontiguousarray(self._images[: self.count])
            checksum = hashlib.sha256(content.tobytes()).hexdigest()[:16]
            return {"set": self.name, "count": self.count, "content": checksum}
        description = self._dataset.description
        return {
            "set": self.name,
            "count": self.count,
            "content": f"{description.name}/{description.split} of "
            f"{description.num_images} at {description.image_size} px "
            f"({self._dataset.checksum()})",
        }

    def batch(self, start, stop):
        """Images `start` to `stop`, as uint8, and their labels or `None`."""
        if self._dataset is not None:
            images, labels = self._dataset.examples(np.arange(start, stop))
            return to_bytes(images, self._argument), labels
        labels = None if self._labels is None else self._labels[start:stop]
        return to_bytes(self._images[start:stop], self._argument), labels


class GeneratedImages:
    """Images that a model generates, with balanced labels in order.

    Image i depends on the seed and i alone, so that a run can be taken up anywhere.

    Args:
        model: `SphereEncoderModel`.
        count: Integer.
        seed: Integer.
        weights_name: String. Says which weights these are, such as a checksum.
        refiner: `LatentRefiner` between the steps, or `None`.
        **sampling: Options of `model.sampling`; `None` takes the model's own.
    """

    def __init__(self, model, count, seed, weights_name, refiner=None, **sampling):
        self.model = model
        self.count = read_integer("count", count)
        self.seed = read_seed("seed", seed)
        self.options = model.sampling.override(**sampling)
        self.name = getattr(model, "name_in_tables", "generated")
        if refiner is not None:
            self.name += ", refiner"
        self.num_classes = model.backbone.num_classes
        self.refiner = refiner
        self._weights_name = weights_name

    @property
    def settings(self):
        """What the set is, as plain values."""
        found = {
            "set": "generated",
            "count": self.count,
            "seed": self.seed,
            "weights": self._weights_name,
            **self.options.to_dict(),
            "passes": self.options.passes,
        }
        if self.refiner is None:
            return found
        whole = self.model.backbone.decoder.count_params()
        share = self.refiner.count_params() / whole
        passes = self.options.refined_passes(share)
        return {**found, "passes": passes, "refiner": refiner_name(self.refiner)}

    def batch(self, start, stop):
        """Images `start` to `stop`, as uint8, and the labels asked for, or `None`."""
        indices = np.arange(start, stop)
        classes, shape = self.model.backbone.num_classes, self.model.backbone
        labels = (indices * classes // self.count).astype("int32") if classes else None
        noises = [
            host_noise(self.seed, indices, draw, shape.latent_shape)
            for draw in range(self.options.num_noise_draws + 1)
        ]
        chosen = self.options.to_dict()
        chosen.pop("max_angle_degrees", None)  # the model's own
        images = self.model.generate(
            labels=labels,
            noise=noises[0],
            step_noise=noises[1:],
            refiner=self.refiner,
            **chosen,
        )
        return to_bytes(images, "generated images"), labels


def is_refined(model, sampling):
    """Whether a loop has steps between which there is a place for a refiner."""
    return model.sampling.override(**sampling).steps > 1


class ReconstructedImages:
    """Images of another set, encoded and decoded without noise and label.

    Args:
        model: `SphereEncoderModel`.
        originals: `GivenImages`.
        weights_name: String. Says which weights these are.
        use_ema: Boolean or `None` for the model's default.
    """

    def __init__(self, model, originals, weights_name, use_ema=None):
        self.model = model
        self.originals = originals
        self.count = originals.count
        self.name = "reconstructed"
        self.num_classes = 0  # they have no labels
        use_ema = if_given(read_boolean, "use_ema", use_ema)
        self._use_ema = model.sampling.use_ema if use_ema is None else use_ema
        self._weights_name = weights_name

    @property
    def settings(self):
        """What the set is, as plain values."""
        return {
            "set": "reconstructed",
            "of": self.originals.settings,
            "weights": self._weights_name,
            "use_ema": self._use_ema,
        }

    def batch(self, start, stop):
        """Reconstructions of images `start` to `stop`, as uint8, and `None`."""
        images, _ = self.originals.batch(start, stop)
        reconstructions = self.model.reconstruct(images, use_ema=self._use_ema)
        return to_bytes(reconstructions, "reconstructions"), None
