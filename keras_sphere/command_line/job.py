"""A task about to draw: its settings resolved, its files read, its model loaded."""

import dataclasses
from typing import Any

import numpy as np

from keras_sphere.class_names import class_id
from keras_sphere.command_line.model_source import ModelDescription
from keras_sphere.command_line.text_forms import parse_class_mix
from keras_sphere.loop_plan import UNGUIDED
from keras_sphere.typing import Array

WEIGHT_FLAGS = ("use_ema", "batch_size")
SAMPLING_FLAGS = (
    "guidance_position",
    "schedule",
    "shared_noise",
    "first_angle_degrees",
    "loop_angle_degrees",
)
# Two tasks have an angle of their own.
_OPTIONS = {"first_angle_degrees": "angle_degrees"}
MOST_DIGITS = 9  # of an id
# A list of these gives a panel each; a model has one of the guidances.
GUIDANCE_FLAGS = tuple(name for name, _ in UNGUIDED.values())
PANEL_FLAGS = ("steps", *GUIDANCE_FLAGS)


@dataclasses.dataclass
class Job:
    """What a task draws from.

    Args:
        settings: Dict of flag name -> value, as `resolved` returns it.
        description: `ModelDescription`.
        images: Dict of flag name -> uint8 array of the images in its files.
        model: `SphereEncoderModel`, or `None` until it is loaded.
        refiner: What `model.generate` takes as `refiner`.
        vectors: Array of the vectors that images follow, or `None`.
        negative_vector: Vector that guidance leads away from, or `None`.
    """

    settings: dict[str, Any]
    description: ModelDescription
    images: dict[str, Array]
    model: object = None
    refiner: object = None
    vectors: object = None
    negative_vector: object = None

    @property
    def panels(self):
        """List of rows of keyword arguments of the loop of generation.

        One row per number of steps, in it one entry per strength of guidance.
        """
        settings = self.settings
        common = {
            _OPTIONS.get(name, name): settings[name]
            for name in (*SAMPLING_FLAGS, *WEIGHT_FLAGS)
            if name in settings
        }
        steps, scales, degrees = (
            [{name: value} for value in settings[name]] if name in settings else [{}]
            for name in PANEL_FLAGS
        )
        columns = [{**scale, **degree} for scale in scales for degree in degrees]
        return [[{**common, **row, **column} for column in columns] for row in steps]

    def caption(self, sampling):
        """Names what differs between the panels."""
        words = []
        if len(self.settings.get("steps", ())) > 1:
            steps = sampling["steps"]
            words.append(f"{steps} step{'s' * (steps > 1)}")
        for name in GUIDANCE_FLAGS:
            if len(self.settings.get(name, ())) > 1:
                words.append(f"guidance {sampling[name]:g}")
        return ", ".join(words)

    def classes(self, name):
        """The classes of a flag as a list of ids; a word, such as `"all"`, stays.

        A text is the name of a class if the model has one of that name, and an id
        otherwise: a model whose class `"7"` has the id 0 takes 7 for that class.

        Raises:
            ValueError: If there is no such class.
        """
        given = self.settings[name]
        if isinstance(given, str):
            return given
        return [find_class(text, self.description, name) for text in given]

    def class_mix(self):
        """The dict of class id -> weight of `--class_mix`, or `None`."""
        description = self.description
        return parse_class_mix(
            self.settings["class_mix"],
            lambda text: find_class(text, description, "class_mix"),
            description.num_classes,
        )

    def labels(self, name="label", count=None):
        """Labels of `count` images from a flag; `None` for the null class."""
        labels = self.classes(name)
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
    check_sampling(settings, description)
    if settings.get("seed", 0) is None:
        settings["seed"] = seed
    for name in ("use_ema", *SAMPLING_FLAGS, *PANEL_FLAGS):
        if settings.get(name, "") is not None:
            continue
        if _OPTIONS.get(name, name) in sampling:
            value = sampling[_OPTIONS.get(name, name)]
            settings[name] = [value] if name in PANEL_FLAGS else value
        else:
            del settings[name]
    return settings


def check_sampling(settings, description):
    """Raises a `ValueError` if a model cannot do what the flags of the loop ask for.

    Args:
        settings: Dict of flag name -> value.
        description: `ModelDescription`.
    """
    sampling = description.sampling
    for name in (*SAMPLING_FLAGS, *GUIDANCE_FLAGS):
        option = _OPTIONS.get(name, name)
        if settings.get(name) is not None and option not in sampling:
            raise ValueError(
                f"--{name} is not an option of this model's method, which has "
                f"{list(sampling)}. Received: {name}={settings[name]}"
            )
    name, off = next(pair for pair in UNGUIDED.values() if pair[0] in sampling)
    values = settings.get(name, [off]) or [sampling[name]]
    is_conditional = description.num_classes or description.condition_dim
    if not is_conditional and max(values) > off:
        raise ValueError(
            f"`{name}` above {off} needs a class-conditional model. Received: "
            f"{name}={values} with num_classes=0"
        )
    if settings["use_ema"] and not description.keeps_average:
        raise ValueError(
            "--use_ema needs a file model.keras, whose optimizer keeps a moving "
            "average: the weights of a preset are the only ones it has. "
            "Received: use_ema=True"
        )


def find_class(text, description, flag):
    """The id of the class that a text of a flag means; see `Job.classes`."""
    names, count = description.class_names, description.num_classes
    is_id = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
    if is_id and text not in (names or ()):
        if int(text) < count:
            return int(text)
    elif names:
        return class_id(text, names, flag)
    raise ValueError(
        f"--{flag} must be classes from 0 to {count - 1}"
        f"{', or their names' if names else ': the model knows no names of them'}. "
        f"Received: {flag}={text}"
    )


def class_text(label, description):
    """A text that means a class and no other: its name where it has one of its own."""
    names = description.class_names or ()
    if label < len(names) and names.count(names[label]) == 1:
        return names[label]
    return str(label)


def check_classes(job, name, count=None):
    """Raises a `ValueError` unless a flag's labels are classes of the model.

    Args:
        job: `Job`.
        name: String. The flag's name.
        count: Integer. How many images there are, which take one label each or one
            for all; `None` if any number is right.
    """
    labels = job.settings[name]
    if isinstance(labels, str):
        return
    if not job.description.num_classes:
        raise ValueError(
            f"--{name} must be none: the model has no classes. "
            f"Received: {name}={labels}"
        )
    job.classes(name)
    if count is not None and len(labels) not in (1, count):
        raise ValueError(
            f"--{name} must be one class, or one for each of the {count} images. "
            f"Received: {name}={labels}"
        )
