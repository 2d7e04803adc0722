"""Which class, and which vector, each of the generated images has, by its number."""

import typing

import numpy as np

from keras_sphere.class_names import short_name
from keras_sphere.command_line.prompts import name_of_vector, vector_of

_CLASS_DRAW = 2**63  # a draw that no step of the loop uses


def label_of(job, number, seed):
    """The class of image `number`: balanced and in order, or drawn at random."""
    classes = class_list(job)
    if not classes or job.settings["class_mix"]:
        return None
    if job.settings["random_classes"]:
        bits = np.random.Philox(key=seed, counter=[0, 0, _CLASS_DRAW, number])
        return classes[int(np.random.Generator(bits).integers(len(classes)))]
    place, total = number, job.settings["num_images"]
    if job.vectors is not None:  # all classes, for each of the vectors
        place = place * len(job.vectors) % total
    return classes[place * len(classes) // total]


class Subject(typing.NamedTuple):
    """What an image is to show.

    Args:
        key: Integer, the same for images of one subject.
        text: String.
    """

    key: int
    text: str


def subject_of(job, number, seed):
    """The `Subject` of image `number`; `None` if it follows nothing."""
    label, vector = label_of(job, number, seed), vector_of(job, number)
    if label is None and vector is None:
        return None
    words, key = [], 0
    if vector is not None:
        words, key = [name_of_vector(job, vector)], vector
    if label is not None:
        words.append(f"class {short_name(label, job.description.class_names)}")
        key = key * job.description.num_classes + label
    return Subject(key, ", ".join(words))


def class_list(job):
    """The classes asked for, as a list; empty for the null class."""
    classes = job.classes("classes")
    if classes == "all":
        return list(range(job.description.num_classes))
    return [] if classes == "none" else classes
