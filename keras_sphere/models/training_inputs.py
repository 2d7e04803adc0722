"""What `fit`, `train_on_batch` and `evaluate` accept, brought into one form."""

import logging

import keras

from keras_sphere.backend.replicas import gather_replicas
from keras_sphere.condition_rows import check_embedding_type, check_finite_rows
from keras_sphere.image_validation import (
    PIXEL_LIMIT,
    check_image_type,
    check_images,
    warn_of_unit_range,
)
from keras_sphere.models.data_forms import is_array, is_whole, read_first
from keras_sphere.validation import as_array, check_label_type, check_labels

logger = logging.getLogger("keras_sphere")

_OPTIONAL = ("labels", "embeddings", "draws")


def split_batch(data):
    """Splits a batch into what the model is given, and sample weights.

    Args:
        data: Images, a tuple `(images, labels)` or `(images, labels, sample_weight)`,
            or a dict of `images` and optionally `labels`, `embeddings` and `draws`,
            itself alone or first in a tuple.

    Returns:
        Pair of a dict of these, and the sample weights; what is missing is `None`.
    """
    x, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    x = x if isinstance(x, dict) else {"images": x}
    unknown = set(x) - {"images", *_OPTIONAL}
    if "images" not in x or unknown:
        raise ValueError(
            "A batch given as a dict must have the key 'images', and may have "
            "'labels', 'embeddings' and 'draws'. Received: keys "
            f"{sorted(x)}"
        )
    return {**dict.fromkeys(_OPTIONAL), "labels": labels, **x}, sample_weight


def rescale(images):
    """Brings images to float32 in [-1, 1]: uint8 from [0, 255], floats as they are.

    Args:
        images: Tensor or array.

    Returns:
        float32 tensor.
    """
    images = keras.ops.convert_to_tensor(images)
    is_bytes = keras.backend.standardize_dtype(images.dtype) == "uint8"
    images = keras.ops.cast(images, "float32")
    return images / 127.5 - 1.0 if is_bytes else images


def measure_range(images, labels=None):
    """Smallest and largest pixel and label of a batch, over all devices.

    Args:
        images: Images, uint8 or float in [-1, 1].
        labels: Integer tensor, or `None`, which counts as 0.

    Returns:
        float32 tensor of 4 values.
    """
    ops = keras.ops
    images = rescale(images)
    labels = ops.cast(0 if labels is None else labels, "float32")
    signs = ops.array([1.0, -1.0, 1.0, -1.0])
    extremes = [ops.min(images), -ops.max(images), ops.min(labels), -ops.max(labels)]
    return signs * ops.min(gather_replicas(ops.stack(extremes)), axis=0)


def is_in_range(bounds, num_classes):
    """Whether a batch, of which `measure_range` gave the bounds, can be trained on."""
    pixels_fit = (bounds[0] >= -PIXEL_LIMIT) & (bounds[1] <= PIXEL_LIMIT)
    return pixels_fit & (bounds[2] >= 0) & (bounds[3] <= max(num_classes, 1) - 1)


def interleave(first, second):
    """One batch of two: rows in pairs, so that devices that share it need no exchange.

    Args:
        first: Tensor of shape `(batch, ...)`.
        second: Tensor of the same shape.

    Returns:
        Tensor of shape `(2 batch, ...)`.
    """
    pairs = keras.ops.stack([first, second], axis=1)
    return keras.ops.reshape(pairs, (-1, *first.shape[1:]))


def separate(pairs):
    """The two batches that `interleave` joined."""
    pairs = keras.ops.reshape(pairs, (-1, 2, *pairs.shape[1:]))
    return pairs[:, 0], pairs[:, 1]


class BatchReader:
    """Reads batches for one backbone, and checks data before it is trained on.

    Args:
        backbone: `SphereEncoderBackbone`.
    """

    def __init__(self, backbone):
        self.image_size = backbone.image_size
        self.num_channels = backbone.num_channels
        self.num_classes = backbone.num_classes
        self.condition_dim = backbone.condition_dim
        self.num_rows = None  # of the data that was checked last
        self._told = set()

    def _once(self, what):
        """Whether this is the first time that `what` is to be said."""
        first = what not in self._told
        self._told.add(what)
        return first

    def read(self, data):
        """Splits a batch, inside a training step; checks shapes and dtypes.

        Args:
            data: See `split_batch`.

        Returns:
            Pair of a dict of `images` and, if there are any, `labels` (int32, shape
            `(batch,)`), `embeddings` and `draws`; and the sample weights.
        """
        given, sample_weight = split_batch(data)
        images, labels = given["images"], given["labels"]
        check_image_type(images, self.image_size, self.num_channels)
        inputs = {"images": images}
        if labels is not None and self.num_classes:
            check_label_type(labels, images.shape[0])
            labels = keras.ops.reshape(labels, (-1,))
            inputs["labels"] = keras.ops.cast(labels, "int32")
        embeddings = given["embeddings"]
        if embeddings is not None and self.condition_dim:
            check_embedding_type(embeddings, self.condition_dim, images.shape[0])
            inputs["embeddings"] = keras.ops.cast(embeddings, "float32")
        if given["draws"] is not None:
            inputs["draws"] = given["draws"]
        return inputs, sample_weight

    def check_data(self, x, y=None):
        """Checks whole arrays, or the first batch of a stream.

        Args:
            x: Array, dict of arrays, dataset, loader, generator or list of batches.
            y: Labels, if `x` is an array.

        Returns:
            `x`, in the form that `read_first` gives it.

        Raises:
            ValueError: If what was checked is not fit to train on.
        """
        if is_whole(x) or not hasattr(x, "__iter__"):
            self._check_batch(x if isinstance(x, dict) else (x, y))
            return x
        first, x = read_first(x)
        if first is None:
            raise ValueError(f"The dataset has no batches. Received: x={x!r}")
        self._check_batch(tuple(first) if isinstance(first, list) else first)
        return x

    def _check_batch(self, data):
        given, _ = split_batch(data)
        images, labels = given["images"], given["labels"]
        if not is_array(images):
            raise ValueError(
                "`x` must be an array of images, a dict with the key 'images', or a "
                f"dataset of such batches. Received: images of type {type(images)}"
            )
        self.num_rows = images.shape[0]
        low, _ = check_images(images, self.image_size, self.num_channels)
        if low >= 0 and self._once("range"):
            warn_of_unit_range(low)
        self._check_embeddings(given["embeddings"], images.shape[0])
        if labels is None:
            return
        if self.num_classes:
            labels = labels if is_array(labels) else as_array("labels", labels)
            check_labels(labels, self.num_classes, images.shape[0])
        elif self._once("labels"):
            what = "has no classes" if self.condition_dim else "is unconditional"
            logger.warning("The model %s (num_classes=0): labels are dropped.", what)

    def _check_embeddings(self, embeddings, num_images):
        if not self.condition_dim:
            if embeddings is not None and self._once("embeddings"):
                logger.warning(
                    "The model is conditional on no vectors (condition_dim=0): "
                    "embeddings are dropped."
                )
        elif embeddings is not None:
            check_embedding_type(embeddings, self.condition_dim, num_images)
            check_finite_rows(as_array("embeddings", embeddings), "embeddings")
        elif self._once("embeddings"):
            logger.warning(
                "The model is conditional on vectors (condition_dim=%d), and the data "
                "has no `embeddings`: it sees the null vector only.",
                self.condition_dim,
            )
