"""What data a training asks for, from a preset and what was chosen."""

import dataclasses
from typing import Any

from keras_sphere.data.augmentation import record
from keras_sphere.presets.sources import find
from keras_sphere.validation import read_integer


@dataclasses.dataclass(frozen=True)
class DataPlan:
    """What data is asked for, before any of it is read.

    Args:
        dataset: String. Name or path.
        split: String.
        image_size: Integer. Side in pixels.
        batch_size: Integer.
        conditional: Boolean or `None` for whether the images have classes.
        horizontal_flip, resize, crop: See `keras_sphere.data.load`.
        augment: List of what the augmentation does, as `record` returns it, or `None`.
        seed: Integer. Of all that is random in the data.
        vectors: String. Short checksum of the vectors of the images, or `None`.
    """

    dataset: str
    split: str
    image_size: int
    batch_size: int
    conditional: bool | None
    horizontal_flip: bool
    augment: list[Any] | None
    resize: str | None
    crop: str
    seed: int
    vectors: str | None = None


def plan_data(options, dataset, num_devices=1):
    """What data a training needs.

    Args:
        options: `TrainingOptions`.
        dataset: String. Name or path of the data set.
        num_devices: Integer. Devices that share a batch: each gets what the preset
            has for one.

    Returns:
        `DataPlan`.

    Raises:
        ValueError: If a number is missing, or impossible, or `augment` no augmentation.
    """
    config = find(options.preset).config
    training, architecture = config["recipe"]["training"], config["architecture"]
    batch_size = first_given(options.batch_size, training.get("batch_size"))
    if batch_size is None and "per_device_batch_size" in training:
        batch_size = num_devices * training["per_device_batch_size"]
    if batch_size is None:
        raise missing_choice(options, "batch_size")
    batch_size = read_integer("batch_size", batch_size)
    return DataPlan(
        dataset=dataset,
        split=options.split,
        image_size=first_given(options.image_size, architecture["image_size"]),
        batch_size=batch_size,
        conditional=first_given(
            options.conditional, None if architecture["num_classes"] else False
        ),
        horizontal_flip=first_given(
            options.horizontal_flip, training.get("horizontal_flip"), False
        ),
        augment=None if options.augment is None else record(options.augment),
        resize=first_given(options.resize, training.get("resize")),
        crop=first_given(options.crop, training.get("crop"), "center"),
        seed=options.seed,
    )


def first_given(*values):
    """The first value that is not `None`; `None` if there is none."""
    return next((value for value in values if value is not None), None)


def missing_choice(options, name):
    """The error that neither the preset nor the user says a number."""
    return ValueError(
        f"The preset {options.preset!r} does not say `{name}`: choose it. "
        f"Received: {name}=None"
    )
