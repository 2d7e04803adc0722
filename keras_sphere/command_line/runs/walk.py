"""A walk on the sphere."""

from keras_sphere.command_line.job import WEIGHT_FLAGS, check_classes
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.visualization import Panel


def prepare(request):
    return prepare_picture(request, plan, draw)


def plan(job):
    """One walk, from the first image if there is one."""
    check_classes(job, "label", count=1)
    if job.images and len(job.images["image"]) > 1:
        raise ValueError(
            "A walk starts from one --image. "
            f"Received: {len(job.images['image'])} images"
        )
    return job.settings["num_images"]


def draw(job, sampling):
    from keras_sphere import editing

    settings = job.settings
    labels = job.labels(count=1)
    start = None
    if job.images:
        weights = {name: sampling[name] for name in WEIGHT_FLAGS}
        start = job.model.encode(job.images["image"], labels, **weights)[0]
    images = editing.random_walk(
        job.model,
        start,
        angle_degrees=settings["angle_degrees"],
        num_images=settings["num_images"],
        labels=None if labels is None else int(labels[0]),
        turning=settings["turning"],
        seed=settings["seed"],
        **sampling,
    )
    angle = settings["angle_degrees"]
    names = [f"{step * angle:g}°" for step in range(len(images))]
    names = [] if settings["turning"] else names
    return Panel(images[None], (), names, job.caption(sampling))
