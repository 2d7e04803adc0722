"""Small images enlarged by the model."""

import numpy as np

from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.command_line.restoration import (
    compare,
    plan_restoration,
    restoration_options,
)


def prepare(request):
    return prepare_picture(request, plan, draw, image_side=side)


def side(settings, description):
    """Size of the images in the files: small, or the model's with `--shrink`."""
    factor, size = settings["factor"], description.image_size
    if size % factor:
        raise ValueError(
            f"--factor must divide the model's image size, {size}. "
            f"Received: factor={factor}"
        )
    return size if settings["shrink"] else size // factor


def plan(job):
    return plan_restoration(job, columns=4)


def draw(job, sampling):
    from keras_sphere import editing
    from keras_sphere.editing.degradation import (
        downsample,
        enlarge_bicubic,
        repeat_pixels,
    )
    from keras_sphere.editing.restoration import SUPER_RESOLUTION_STRENGTHS

    factor, images = job.settings["factor"], job.images["image"]
    small = images / 127.5 - 1.0
    columns = {}
    if job.settings["shrink"]:
        columns["image"], small = images, downsample(small, factor)
    small = small.astype("float32")
    columns["small"] = repeat_pixels(small, factor)
    columns["bicubic"] = np.clip(enlarge_bicubic(small, factor), -1.0, 1.0)
    columns["restored"] = editing.super_resolve(
        job.model,
        small,
        factor,
        **restoration_options(job, SUPER_RESOLUTION_STRENGTHS),
        **sampling,
    )
    return compare(columns, job.caption(sampling))
