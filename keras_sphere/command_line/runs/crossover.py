"""Two images stitched and made one."""

import numpy as np

from keras_sphere import editing
from keras_sphere.command_line.job import check_classes
from keras_sphere.command_line.picture_task import make_picture
from keras_sphere.command_line.task_flags import PATTERNS
from keras_sphere.editing.crossover import crossover_mask, stitch
from keras_sphere.visualization import Panel
from keras_sphere.visualization.image_grid import to_uint8


def run(request):
    make_picture(request, plan, draw, image_flags=("image", "mask"))


def plan(job):
    """Both images, the stitched one, and what each step makes of it."""
    count = len(job.images["image"])
    if count != 2:
        raise ValueError(f"Give --image twice. Received: {count} images")
    check_classes(job, "label", count=1)
    return len(_masks(job)) * (3 + max(job.settings["steps"]))


def draw(job, sampling):
    first, second = (job.images["image"][[place]] for place in (0, 1))
    if job.settings["swap"]:
        first, second = second, first
    rows = []
    for mask in _masks(job).values():
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
    return Panel(np.stack(rows), list(_masks(job)), names, job.caption(sampling))


def _masks(job):
    """Dict of name -> array: where the first image shows."""
    if "mask" in job.images:
        return {"mask": job.images["mask"][0].mean(axis=-1) / 255.0}
    pattern = job.settings["pattern"]
    patterns = PATTERNS if pattern == "all" else (pattern,)
    return {p: crossover_mask(p, job.description.image_size) for p in patterns}
