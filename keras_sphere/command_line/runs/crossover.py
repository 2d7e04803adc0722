"""Two images stitched and made one."""

import numpy as np

from keras_sphere.choices import PATTERNS
from keras_sphere.command_line.job import check_classes
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.visualization import Panel
from keras_sphere.visualization.image_grid import to_uint8


def prepare(request):
    return prepare_picture(request, plan, draw, image_flags=("image", "mask"))


def plan(job):
    """Both images, the stitched one, and what each step makes of it."""
    count = len(job.images["image"])
    if count != 2:
        raise ValueError(f"Give --image twice. Received: {count} images")
    check_classes(job, "label", count=1)
    return len(_mask_names(job)) * (3 + max(job.settings["steps"]))


def draw(job, sampling):
    from keras_sphere import editing
    from keras_sphere.editing import stitch

    first, second = (job.images["image"][[place]] for place in (0, 1))
    if job.settings["swap"]:
        first, second = second, first
    rows = []
    for name in _mask_names(job):
        mask = _mask(job, name)
        steps = editing.crossover(
            job.model,
            first,
            second,
            mask=mask,
            labels=job.labels(count=1),
            strength=job.settings["strength"],
            seed=job.settings["seed"],
            return_steps=True,
            **sampling,
        )
        stitched = stitch(job.model, first, second, mask)
        parts = [first, second, to_uint8(stitched), *to_uint8(steps)]
        rows.append(np.concatenate(parts))
    names = ["first", "second", "stitched"]
    names += [f"step {step + 1}" for step in range(sampling["steps"])]
    return Panel(np.stack(rows), _mask_names(job), names, job.caption(sampling))


def _mask_names(job):
    pattern = "mask" if "mask" in job.images else job.settings["pattern"]
    return PATTERNS if pattern == "all" else (pattern,)


def _mask(job, name):
    """Array: where the first image shows."""
    from keras_sphere.editing import crossover_mask

    if name == "mask":
        return job.images["mask"][0].mean(axis=-1) / 255.0
    return crossover_mask(name, job.description.image_size)
