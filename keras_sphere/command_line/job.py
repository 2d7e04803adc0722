"""A task about to draw: its settings resolved, its files read, its model loaded."""

import dataclasses

import numpy as np

from keras_sphere.command_line.model_source import ModelDescription

WEIGHT_FLAGS = ("use_ema", "batch_size")
SAMPLING_FLAGS = ("guidance_position", "schedule", "shared_noise")
# A list of these gives a panel each.
PANEL_FLAGS = ("steps", "guidance_scale")


@dataclasses.dataclass
class Job:
    """What a task draws from.

    Args:
        settings: Dict of flag name -> value, as `resolved` returns it.
        description: `ModelDescription`.
        images: Dict of flag name -> uint8 array of the images in its files.
        model: `SphereEncoderModel`, or `None` until it is loaded.
    """

    settings: dict
    description: ModelDescription
    images: dict
    model: object = None

    @property
    def panels(self):
        """List of rows of keyword arguments of the loop of generation.

        One row per number of steps, in it one entry per guidance scale.
        """
        settings = self.settings
        common = {
            n: settings[n] for n in (*SAMPLING_FLAGS, *WEIGHT_FLAGS) if n in settings
        }
        rows, columns = (
            [{name: value} for value in settings[name]] if name in settings else [{}]
            for name in PANEL_FLAGS
        )
        return [[{**common, **row, **column} for column in columns] for row in rows]

    def caption(self, sampling):
        """Names what differs between the panels."""
        words = []
        if len(self.settings.get("steps", ())) > 1:
            steps = sampling["steps"]
            words.append(f"{steps} step{'s' * (steps > 1)}")
        if len(self.settings.get("guidance_scale", ())) > 1:
            words.append(f"guidance {sampling['guidance_scale']:g}")
        return ", ".join(words)

    def labels(self, name="label", count=None):
        """Labels of `count` images from a flag; `None` for the null class."""
        labels = self.settings[name]
        if isinstance(labels, str):
            return None
        return np.resize(labels, count) if count else np.asarray(labels)


def resolved(settings, description, seed):
    """Settings with the model's defaults and the seed in place of `None`.

    Args:
        settings: Dict of flag name -> value.
        description: `ModelDescription`.
        seed: Integer. The seed where none was given.

    Returns:
        Dict.

    Raises:
        ValueError: If guidance or a class is asked of a model without classes.
    """
    settings, sampling = dict(settings), description.sampling
    if settings.get("seed", 0) is None:
        settings["seed"] = seed
    for name in ("use_ema", *SAMPLING_FLAGS, *PANEL_FLAGS):
        if settings.get(name, "") is None:
            value = getattr(sampling, name)
            settings[name] = [value] if name in PANEL_FLAGS else value
    if not description.num_classes and max(settings.get("guidance_scale", [0])) > 1:
        raise ValueError(
            "`guidance_scale` above 1 needs a class-conditional model. Received: "
            f"guidance_scale={settings['guidance_scale']} with num_classes=0"
        )
    return settings


def check_classes(name, labels, description, count=None):
    """Raises a `ValueError` unless a flag's labels are classes of the model.

    Args:
        name: String. The flag's name.
        labels: List of integers, or a word.
        description: `ModelDescription`.
        count: Integer. How many images there are, which take one label each or one
            for all; `None` if any number is right.
    """
    if isinstance(labels, str):
        return
    classes = description.num_classes
    if not classes:
        raise ValueError(
            f"--{name} must be none: the model has no classes. "
            f"Received: {name}={labels}"
        )
    if max(labels) >= classes:
        raise ValueError(
            f"--{name} must be classes from 0 to {classes - 1}. "
            f"Received: {name}={labels}"
        )
    if count is not None and len(labels) not in (1, count):
        raise ValueError(
            f"--{name} must be one class, or one for each of the {count} images. "
            f"Received: {name}={labels}"
        )
