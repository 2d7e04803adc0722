"""Which class each of the generated images has, by its number."""

import numpy as np

_CLASS_DRAW = 2**63  # a draw that no step of the loop uses


def label_of(job, number, seed):
    """The class of image `number`: balanced and in order, or drawn at random."""
    classes = class_list(job)
    if not classes or job.settings["class_mix"]:
        return None
    if job.settings["random_classes"]:
        bits = np.random.Philox(key=seed, counter=[0, 0, _CLASS_DRAW, number])
        return classes[int(np.random.Generator(bits).integers(len(classes)))]
    return classes[number * len(classes) // job.settings["num_images"]]


def class_list(job):
    """The classes asked for, as a list; empty for the null class."""
    classes = job.classes("classes")
    if classes == "all":
        return list(range(job.description.num_classes))
    return [] if classes == "none" else classes
