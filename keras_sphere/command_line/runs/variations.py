"""Images near given ones."""

import numpy as np

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.job import check_classes
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.validation import read_model_angle
from keras_sphere.visualization import Panel
from keras_sphere.visualization.image_grid import to_uint8


def prepare(request):
    return prepare_picture(request, plan, draw)


def plan(job):
    """An image and its variations, a row per strength."""
    settings, count = job.settings, len(job.images["image"])
    check_classes(job, "label", count)
    if settings["strength"] and settings["angle_degrees"]:
        raise UsageError("Give --strength or --angle_degrees, not both.")
    for angle in settings["angle_degrees"] or ():
        read_model_angle("angle_degrees", angle, job.description.max_angle_degrees)
    return count * len(_amounts(job)) * (1 + settings["num_variations"])


def draw(job, sampling):
    from keras_sphere import editing

    images = job.images["image"]
    rows, names = [], []
    for amount, name in _amounts(job):
        varied = editing.variations(
            job.model,
            images,
            job.labels(count=len(images)),
            num_variations=job.settings["num_variations"],
            seed=job.settings["seed"],
            **amount,
            **sampling,
        )
        rows.append(np.concatenate([images[:, None], to_uint8(varied)], axis=1))
        names.append(name)
    # All rows of an image stand together.
    table = np.stack(rows, axis=1).reshape(-1, *rows[0].shape[1:])
    columns = ["image", *[""] * job.settings["num_variations"]]
    return Panel(table, names * len(images), columns, job.caption(sampling))


def _amounts(job):
    """Pairs of an argument of `editing.variations` and its name."""
    if job.settings["angle_degrees"]:
        angles = job.settings["angle_degrees"]
        return [({"angle_degrees": angle}, f"{angle:g} degrees") for angle in angles]
    strengths = job.settings["strength"] or [0.5]
    return [({"strength": value}, f"strength {value:g}") for value in strengths]
