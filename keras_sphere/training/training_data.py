"""What a training reads: a data set by name or path, or a stream of the user's own."""

import dataclasses
import logging
import types

import keras
import numpy as np

from keras_sphere import data
from keras_sphere.class_names import names_in
from keras_sphere.data.named_sources import (
    GRAY,
    KNOWN_COUNTS,
    held_out_split,
)
from keras_sphere.data.recipe_datasets import dataset_of
from keras_sphere.data.splits import parse_split, size_of_part
from keras_sphere.data.survey import survey
from keras_sphere.embedders import find_embedder
from keras_sphere.presets.sources import find
from keras_sphere.training.data_plan import first_given

logger = logging.getLogger("keras_sphere")


def open_data(options):
    """The data of a training, not read yet: `NamedData`, or a `Stream`.

    Args:
        options: `TrainingOptions`.
    """
    dataset = options.dataset
    if dataset is None or isinstance(dataset, str) or hasattr(dataset, "__fspath__"):
        return NamedData(options)
    return Stream(options)


class NamedData:
    """A data set by its name or path.

    Args:
        options: `TrainingOptions`.

    Attributes:
        options: The same.
        name: String. The name or path.
        dataset: `keras_sphere.data.ImageDataset` after `open`.
        can_read: Boolean. Whether there are images: a dry run does without.
        description: Numbers of the data set.

    Raises:
        ValueError: If neither data set nor a preset that has one is chosen, or
            there is nothing at the path.
    """

    is_exact = True

    def __init__(self, options):
        self.options = options
        self.name = dataset_of(options.preset, options.dataset)
        self.dataset = self._batches = self._held_out = None
        self._told = []
        self.can_read = False

    def survey(self):
        """A first look at the images, or `None` if it must wait for a download."""
        return survey(self.name, self.options.split, self.options.data_dir)

    def open(self, plan, options):
        """Opens the data set; a dry run goes on without it if it is well known.

        Args:
            plan: `DataPlan`.
            options: `TrainingOptions`.
        """
        self._plan, self.options = plan, options
        self._reading = {
            "data_dir": options.data_dir,
            "strict": options.strict,
            "num_channels": options.num_channels,
            "embeddings": options.embeddings,
            "captions": options.captions,
            "embed": options.embed,
        }
        self._held_out_split = options.held_out_split or held_out_split(self.name)
        try:
            self.dataset = self._load(
                plan.split,
                horizontal_flip=plan.horizontal_flip,
                crop=plan.crop,
                augment=options.augment,
                steps_per_epoch=options.steps_per_epoch,
                download=not options.dry_run,
            )
        except data.DataNotFoundError:
            base_split, part = parse_split(plan.split)
            is_known = self.name in KNOWN_COUNTS and base_split == "train"
            if not options.dry_run or not is_known:
                raise
            print(f"The data set {self.name!r} is not here; planned by what is known.")
            num_images, num_classes = KNOWN_COUNTS[self.name]
            self.description = types.SimpleNamespace(
                num_images=size_of_part(num_images, part),
                num_channels=1 if self.name in GRAY else 3,
                num_classes=num_classes,
                class_names=None,
            )
            return
        self.can_read = True
        self.description = self.dataset.description
        self._told = [self.dataset.report]
        print(self.dataset.report)

    def _load(self, split, **arguments):
        return data.load(
            self.name,
            split=split,
            image_size=self._plan.image_size,
            batch_size=self._plan.batch_size,
            seed=self._plan.seed,
            resize=self._plan.resize,
            conditional=self._plan.conditional,
            **self._reading,
            **arguments,
        )

    def __len__(self):
        if self.dataset is None:
            if self.options.steps_per_epoch:
                return self.options.steps_per_epoch
            return self.description.num_images // self._plan.batch_size
        return len(self.dataset)

    def shard(self, devices):
        """From now on reads what is for this process; see `Devices.shard`."""
        self._batches = devices.shard(self.dataset)

    def set_epochs_of(self, steps):
        """From now on an epoch has so many batches."""
        self.dataset = self.dataset.with_epochs_of(steps)

    def starting_at(self, epoch=0, step=0):
        """A generator of batches without end, from a position."""
        return (self._batches or self.dataset).starting_at(epoch, step)

    def held_out(self):
        """Images that are not trained on, or `None` if there are none."""
        try:
            held_out = self._load(
                self._held_out_split, download=False, shuffle=False, drop_last=False
            )
        except data.UnreadableImageError:
            raise
        except (OSError, ValueError) as error:
            logger.warning("There are no held-out images: %s", error)
            return None
        self._held_out = held_out
        self._told.append(held_out.report)
        print(held_out.report)
        return held_out

    def tell_changes(self):
        """Prints again what was read, converted and replaced, if that has changed."""
        for dataset in (self.dataset, self._held_out):
            if dataset is not None and dataset.report not in self._told:
                print(dataset.report)

    def to_show(self):
        """Arguments for `ImageLog` where nothing is held out: the training images."""
        return (self.dataset,)


class Stream:
    """A user's data as batches without end.

    If it can start anywhere (a method `starting_at`, as `ShuffledBatches` has), a
    training resumes within an epoch exactly; any other data starts anew.

    Args:
        options: `TrainingOptions`, whose `dataset` is a `tf.data.Dataset`,
            `DataLoader`, `PyDataset`, or a generator that does not end; of images or
            `(images, labels)`. They say what it does not say of itself. Its attribute
            `class_names`, if there is one, holds the names of the classes.

    Raises:
        ValueError: If nobody says how many batches an epoch has, or if it is to be
            augmented.
    """

    can_read = True
    name = "a stream of your own"

    def __init__(self, options):
        self.stream = options.dataset
        if options.augment is not None:
            raise ValueError(
                "`augment` is for a data set by name or path; a stream of your own, as "
                "of `keras_sphere.data.load(..., augment=...)`, changes images itself. "
                f"Received: augment with dataset of type {type(self.stream).__name__}"
            )
        for name in ("captions", "embeddings"):
            if getattr(options, name) is not None:
                raise ValueError(
                    f"`{name}` is for a data set by name or path; the batches of a "
                    "stream are dicts with a key `embeddings`. Received: "
                    f"{name} with dataset of type {type(self.stream).__name__}"
                )
        batch_size = getattr(self.stream, "batch_size", None)
        if options.batch_size is None and batch_size:
            options = dataclasses.replace(options, batch_size=int(batch_size))
        self.options = options
        self.is_exact = hasattr(self.stream, "starting_at")
        self._steps = options.steps_per_epoch
        if self._steps is None:
            if not hasattr(self.stream, "__len__"):
                raise ValueError(
                    "Choose `steps_per_epoch` for a stream that has no length. "
                    "Received: steps_per_epoch=None"
                )
            self._steps = len(self.stream)

    def survey(self):
        """`None`: a stream is read once."""

    def open(self, plan, options):
        """Completes the description by the options and the preset."""
        known = find(options.preset).config["architecture"]
        names = names_in(self.stream)
        num_classes = first_given(
            options.num_classes, names and len(names), known["num_classes"]
        )
        self.description = getattr(
            self.stream, "description", None
        ) or types.SimpleNamespace(
            num_images=self._steps * plan.batch_size,
            num_channels=options.num_channels or known["num_channels"],
            num_classes=num_classes,
            class_names=names,
            condition_dim=first_given(options.condition_dim, known["condition_dim"]),
            embedder=known["embedder"]
            if options.embed is None
            else find_embedder(options.embed).name,
        )

    def __len__(self):
        return self._steps

    def shard(self, devices):
        """From now on reads what is for this process; see `Devices.shard`."""
        if not hasattr(self.stream, "shard"):
            raise ValueError(
                "Several processes need a stream with a method `shard(index, count)`, "
                "as `ShuffledBatches` has. Received: dataset of type "
                f"{type(self.stream).__name__}"
            )
        self.stream = devices.shard(self.stream)

    def starting_at(self, epoch=0, step=0):
        """A generator of batches without end, from a position if that is possible."""
        if self.is_exact:
            return self.stream.starting_at(epoch, step)
        return _endless(self.stream)

    def held_out(self):
        """`None`: a stream has no other split."""
        return None

    def tell_changes(self):
        """Nothing: a stream has no report."""

    def to_show(self):
        """Arguments for `ImageLog`: a first batch, if reading it costs nothing."""
        if hasattr(self.stream, "examples"):
            return (self.stream,)
        if hasattr(self.stream, "__next__"):
            return None
        batch = next(self.starting_at())
        batch = batch if isinstance(batch, tuple) else (batch,)
        if isinstance(batch[0], dict):
            batch = (batch[0]["images"], batch[0].get("labels"))
        return batch[:2]


def _endless(stream):
    while True:
        count = 0
        for batch in _one_pass(stream):
            count += 1
            batch = tuple(batch) if isinstance(batch, list) else batch
            batch = batch if isinstance(batch, (tuple, dict)) else (batch,)
            yield keras.tree.map_structure(np.asarray, batch)
        if count == 0:
            raise ValueError(
                "The stream has ended, and has no batches when it starts anew: a "
                "generator must not end, or be given as a data set."
            )


def _one_pass(stream):
    if isinstance(stream, keras.utils.PyDataset):
        for index in range(len(stream)):
            yield stream[index]
        stream.on_epoch_end()
    else:
        yield from stream
