"""Datasets by name or path."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_sphere.data.augmentation import Augmentation
from keras_sphere.data.captions import BESIDE
from keras_sphere.data.file_source import CHECKS, FileSource, default_check
from keras_sphere.data.image_dataset import ImageDataset
from keras_sphere.data.image_fitting import CROPS, RESIZE_METHODS, default_resize
from keras_sphere.data.named_sources import (
    DEFAULT_IMAGE_SIZES,
    check_name_or_path,
    is_name,
    named_source,
)
from keras_sphere.data.path_source import path_source
from keras_sphere.data.read_report import ReadReport
from keras_sphere.data.splits import parse_split, part_of
from keras_sphere.data.vectors import add_vectors, check_vectors
from keras_sphere.typing import ArrayLike, Embed, PathLike
from keras_sphere.validation import check_choice, if_given, read_boolean, read_integer

if TYPE_CHECKING:
    import keras

logger = logging.getLogger("keras_sphere")

MOST_THREADS_BY_DEFAULT = 8


def load(
    name_or_path: PathLike,
    split: str = "train",
    image_size: int | None = None,
    batch_size: int = 32,
    seed: int = 0,
    horizontal_flip: bool = False,
    resize: str | None = None,
    crop: str = "center",
    drop_last: bool | None = None,
    conditional: bool | None = None,
    strict: bool = False,
    data_dir: PathLike | None = None,
    download: bool = True,
    shuffle: bool | None = None,
    num_channels: int | None = None,
    num_images: int | None = None,
    num_classes: int | None = None,
    check: str | None = None,
    num_threads: int | None = None,
    augment: str | keras.Layer | Sequence[str | keras.Layer] | None = None,
    steps_per_epoch: int | None = None,
    embeddings: ArrayLike | PathLike | Mapping[str, Any] | None = None,
    captions: PathLike | Sequence[str] | Mapping[str, Any] | None = None,
    embed: str | Embed | None = None,
) -> ImageDataset:
    """Loads a dataset of images for `fit`.

    The shorter side is resized to `image_size` and a square cut out. Batches are
    uint8, which the model brings to [-1, 1]. Order, crops, flips and augmentation are
    functions of `seed` and the epoch, so a training can be taken up anywhere.

    Args:
        name_or_path: `"cifar10"`, `"cifar100"`, `"fashion_mnist"`, `"mnist"`,
            `"imagenet"`, `"imagenet64"`, `"oxford_flowers102"`, `"animal_faces"`,
            `"digits"`, `"fake"` (synthetic), `"tfds:NAME"` for another dataset of
            TensorFlow Datasets with `image` and `label`; or the path of a folder of
            class folders, a folder of images (without classes), a zip archive of
            either, or a JSON-lines list.
        split: String, such as `"train"` or `"test"`. Of every dataset a part can be
            taken, `"train[:90%]"` and `"train[90%:]"` or `"train[:1000]"`, in a fixed
            shuffle over all classes.
        image_size: Integer. Height and width. Required for a path.
        batch_size: Integer. Images per batch.
        seed: Integer, at least 0. Seed of all that is random.
        horizontal_flip: Boolean. Whether each image is mirrored with probability 1/2.
        resize: `"nearest"`, `"bilinear"`, `"bicubic"` or `"lanczos"`. Defaults to
            nearest for images of up to 64 pixels, else bicubic. The digits have their
            own enlargement.
        crop: `"center"` or `"random"`, along the longer side.
        drop_last: Boolean. Whether a last batch that is not full is left out.
            Defaults to `True` for the split `"train"`, else `False`.
        conditional: Boolean. Whether there are labels. Defaults to whether the
            images have classes.
        strict: Boolean. Whether an image that cannot be read raises. Else it is left
            out, or replaced if that is found in use, and counted in `report`.
        data_dir: String or path. Where to look for the data, or to download it to;
            for a list, what its relative paths are relative to.
        download: Boolean. Whether what is missing may be downloaded.
        shuffle: Boolean. Whether every epoch has an order of its own. Defaults to
            `True` for the split `"train"`, else `False`: file order.
        num_channels: Integer. 3, or 1 for gray. Defaults to 3, for the
            digits and MNIST's two to 1.
        num_images: Integer. Only for `"fake"`.
        num_classes: Integer. Only for `"fake"`; 0 for none.
        check: Which images of a path are found unreadable now rather than in use.
            `"headers"`: those that are no image; `"all"`: those that cannot be
            decoded; `"names"`: none. Defaults to headers up to 100,000 images, else
            names.
        num_threads: Integer. Batches that are made at a time. Defaults to the number
            of CPU cores, at most 8.
        augment: How images are changed at random, after crop and flip: `"flip"`,
            `"affine"` (turned, moved, zoomed), `"randaugment"`, several with commas
            between them, a Keras or KerasCV layer for pixels in [0, 255] that keeps
            the shape, or a list of names and layers. A layer's own seed does not
            count. For layers that are seeded otherwise than Keras' a warning says so.
        steps_per_epoch: Integer. Batches that make an epoch, whatever the number of
            images: batches then run on over the ends of passes over the images, so
            that none is left out. Defaults to one pass.
        embeddings: A vector for every image, which a model with a `condition_dim` is
            conditional on: an array of shape `(num_images, channels)` in the order of
            the images of the split, the path of an `.npz` file with `embeddings` and,
            for images in files, their `names` (relative to their folder, with `/`), or
            a dict of either by split. Batches are then dicts; see `starting_at`.
        captions: Texts that such vectors are made of, with `embed`: `"txt"`, a file of
            the same name with that suffix beside each image; the path of a JSON-lines
            file of `image_path` and `caption`; a list of strings in the order of the
            images; or a dict of any by split.
        embed: A callable from a list of strings to an array, or the name of one that
            ships, such as `"hashing_256"`. What it returned is kept in Keras' cache.

    Returns:
        `ImageDataset`, with a `description`.

    Raises:
        ValueError: If an argument is wrong, or there is no such data, or an image has
            no caption or vector, or a vector is not finite.
        DataNotFoundError: If the data is not there and cannot be downloaded.
        UnreadableImageError: If `strict` and an image is found unreadable now.
        ImportError: If a package that reads or prepares this data is not installed.

    Example:

    >>> dataset = keras_sphere.data.load("photos/", image_size=64, batch_size=16)
    >>> print(dataset.report)
    >>> model.fit(dataset, epochs=100)
    """
    base_split, part = parse_split(split)
    is_training = base_split == "train"
    name, report = os.fspath(name_or_path), ReadReport(read_boolean("strict", strict))
    image_size = DEFAULT_IMAGE_SIZES.get(name) if image_size is None else image_size
    synthetic = {"num_images": num_images, "num_classes": num_classes}
    image_size = if_given(read_integer, "image_size", image_size)
    num_channels = if_given(read_integer, "num_channels", num_channels)
    num_threads = if_given(read_integer, "num_threads", num_threads)
    download = read_boolean("download", download)
    horizontal_flip = read_boolean("horizontal_flip", horizontal_flip)
    conditional = if_given(read_boolean, "conditional", conditional)
    augmentation = None if augment is None else Augmentation(augment)
    embedder = check_vectors(embeddings, captions, embed)
    _check(name, image_size, crop, resize, num_channels, check, synthetic)
    num_threads = num_threads or default_num_threads()
    if is_name(name):
        source = named_source(
            name, base_split, image_size, data_dir, download, report, **synthetic
        )
    else:
        source = path_source(name, base_split, data_dir, report)
    add_vectors(source, base_split, embeddings, captions, embedder)
    if isinstance(captions, str) and captions == BESIDE:
        report.other_files = [f for f in report.other_files if not f.endswith(".txt")]
    source = part_of(source, part)
    if isinstance(source, FileSource):
        check = check or default_check(len(source))
        source = source.checked(check, report, num_threads)
    return ImageDataset(
        source,
        name,
        split,
        image_size,
        num_channels or source.num_channels,
        resize or default_resize(image_size),
        batch_size=batch_size,
        seed=seed,
        shuffle=is_training if shuffle is None else shuffle,
        drop_last=is_training if drop_last is None else drop_last,
        horizontal_flip=horizontal_flip,
        crop=crop,
        conditional=conditional,
        report=report,
        num_threads=num_threads,
        augmentation=augmentation,
        steps_per_epoch=steps_per_epoch,
    )


def default_num_threads():
    """The CPU cores that this process may use, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return min(cores or os.cpu_count() or 1, MOST_THREADS_BY_DEFAULT)


def _check(name, image_size, crop, resize, num_channels, check, synthetic):
    """Raises a `ValueError` for the first argument of `load` that is wrong."""
    check_name_or_path(name)
    if image_size is None:
        raise ValueError(
            "`image_size` is needed for images of one's own. Received: image_size=None"
        )
    check_choice("crop", crop, CROPS)
    check_choice("resize", resize, (*RESIZE_METHODS, None))
    check_choice("num_channels", num_channels, (1, 3, None))
    check_choice("check", check, (*CHECKS, None))
    for argument, value in synthetic.items():
        if value is not None and name != "fake":
            raise ValueError(
                f"`{argument}` is for 'fake' only; of other data take a part, such as "
                f"split='train[:1000]'. Received: {argument}={value!r}, {name=}"
            )
