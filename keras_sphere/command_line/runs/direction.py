"""An image as the direction that the loop moves in."""

import numpy as np

from keras_sphere.command_line.job import check_classes
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.visualization import Panel
from keras_sphere.visualization.image_grid import to_uint8


def prepare(request):
    return prepare_picture(
        request, plan, draw, image_flags=("image", "direction_image")
    )


def plan(job):
    """Every step from images, or from noise, in the direction of an image."""
    settings, count = job.settings, _num_rows(job)
    check_classes(job, "label", count)
    check_classes(job, "direction_label", 1)
    return count * (2 + max(settings["steps"]))


def draw(job, sampling):
    from keras_sphere import editing
    from keras_sphere.sampling import host_noise

    settings, count = job.settings, _num_rows(job)
    target = job.images["direction_image"][:1]
    start = {}
    if "image" in job.images:
        start = {"images": job.images["image"], "strength": settings["strength"]}
    else:
        shape = job.description.latent_shape
        start = {"noise": host_noise(settings["seed"], range(count), 0, shape)}
    steps = editing.direction(
        job.model,
        target,
        labels=job.labels(count=count),
        direction_labels=job.labels("direction_label", 1),
        seed=settings["seed"],
        return_steps=True,
        **start,
        **{**sampling, "shared_noise": True},
    )
    parts = {"direction": np.repeat(target, count, axis=0)}
    if "image" in job.images:
        parts["image"] = job.images["image"]
    parts |= {f"step {t + 1}": images for t, images in enumerate(to_uint8(steps))}
    table = np.stack(list(parts.values()), axis=1)
    return Panel(table, (), list(parts), job.caption(sampling))


def _num_rows(job):
    images = job.images.get("image")
    return job.settings["num_images"] if images is None else len(images)
