"""Missing pixels filled in by the model."""

import numpy as np

from keras_sphere.class_names import short_name
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.command_line.restoration import (
    compare,
    plan_restoration,
    restoration_options,
)

GRAY = 128
MOST_TRIED = 20  # classes, of which each takes as long as filling in once


def prepare(request):
    return prepare_picture(request, plan, draw, image_flags=("image", "mask"))


def plan(job):
    """The file, what is known of it, and both ways to fill it in."""
    if not np.any(_known(job)):
        raise ValueError(
            "The mask must leave a pixel that is known. Received: nothing but black"
        )
    if _wants_best(job) and job.description.num_classes > MOST_TRIED:
        print(
            f"Of {job.description.num_classes:,} classes none is tried: images are "
            "filled in without a class, often badly. --label gives it."
        )
    return plan_restoration(job, columns=4)


def draw(job, sampling):
    from keras_sphere import editing
    from keras_sphere.editing.restoration import INPAINT_STRENGTHS

    images, known, names = job.images["image"], _known(job), ()
    options = {**restoration_options(job, INPAINT_STRENGTHS), **sampling}
    if _wants_best(job) and 0 < job.description.num_classes <= MOST_TRIED:
        del options["labels"]
        labels = editing.guess_labels(job.model, images, known, **options)
        options["labels"] = labels
        names = [short_name(label, job.description.class_names) for label in labels]
        print(
            f"Classes that the known pixels fit best: {', '.join(names)}. "
            "--label=... gives others, --label=none no class."
        )
    filled = editing.inpaint(job.model, images, known, **options)
    known = known[..., None]
    mean = np.sum(images * known, axis=(1, 2), keepdims=True) / known.sum()
    columns = {
        "image": images,
        "known": np.where(known, images, GRAY).astype("uint8"),
        "mean": np.where(known, images, np.rint(mean)).astype("uint8"),
        "inpainted": filled,
    }
    names = [f"class {name}" for name in names]
    return compare(columns, job.caption(sampling), names)


def _wants_best(job):
    return job.settings["label"] == "best"


def _known(job):
    """Boolean array `(height, width)`: where pixels are known."""
    if "mask" in job.images:
        return job.images["mask"][0].mean(axis=-1) >= GRAY
    size = job.description.image_size
    row, column = np.mgrid[:size, :size]
    quarter = size // 4
    middle = slice(quarter, size - quarter)
    center = np.zeros((size, size), bool)
    center[middle, middle] = True
    hidden = {
        "center": center,
        "left": column < size // 2,
        "right": column >= size // 2,
        "top": row < size // 2,
        "bottom": row >= size // 2,
    }
    return ~hidden[job.settings["hide"]]
