"""Images turned into images of other classes."""

import numpy as np

from keras_sphere.class_names import short_name
from keras_sphere.command_line.job import check_classes
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.visualization import Panel
from keras_sphere.visualization.image_grid import to_uint8


def prepare(request):
    return prepare_picture(request, plan, draw)


def plan(job):
    """An image and every step on the way to each class."""
    check_classes(job, "classes")
    return _num_rows(job) * (1 + max(job.settings["steps"]))


def draw(job, sampling):
    from keras_sphere import editing

    classes = _classes(job)
    images = np.repeat(job.images["image"], len(classes), axis=0)
    steps = editing.manipulate_class(
        job.model,
        images,
        np.tile(classes, len(job.images["image"])),
        strength=job.settings["strength"],
        seed=job.settings["seed"],
        return_steps=True,
        **sampling,
    )
    table = np.concatenate([images[:, None], to_uint8(steps).swapaxes(0, 1)], axis=1)
    known = job.description.class_names
    names = [f"to class {short_name(label, known)}" for label in classes]
    names *= len(job.images["image"])
    columns = ["image", *(f"step {step + 1}" for step in range(sampling["steps"]))]
    return Panel(table, names, columns, job.caption(sampling))


def _classes(job):
    classes = job.classes("classes")
    return list(range(job.description.num_classes)) if classes == "all" else classes


def _num_rows(job):
    return len(job.images["image"]) * len(_classes(job))
