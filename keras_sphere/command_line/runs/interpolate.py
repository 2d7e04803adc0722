"""Images between points of the sphere, and between classes."""

import numpy as np

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.job import check_classes
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.visualization import Panel


def prepare(request):
    return prepare_picture(request, plan, draw, image_flags=())


def plan(job):
    """Paths, or a square between four corners."""
    settings, ends = job.settings, _num_ends(job)
    check_classes(job, "classes")
    if not isinstance(settings["classes"], str) and len(settings["classes"]) not in (
        1,
        ends,
    ):
        raise UsageError(
            f"--classes takes one class, or {ends}: one for each end or corner. "
            f"Received: classes={settings['classes']}"
        )
    seeds = settings["seeds"]
    if seeds and (settings["fixed_latent"] or len(seeds) % ends):
        raise UsageError(
            f"--seeds takes {ends} seeds for every path, and none with "
            f"--fixed_latent. Received: seeds={seeds}"
        )
    if settings["method"] == "blerp" and (_num_paths(job) > 1):
        raise UsageError("--method=blerp draws one square: --paths must be 1.")
    rows = settings["num_images"] if settings["method"] == "blerp" else _num_paths(job)
    return rows * settings["num_images"]


def draw(job, sampling):
    square = job.settings["method"] == "blerp"
    images = (_square if square else _paths)(job, sampling)
    return Panel(images, caption=job.caption(sampling))


def _paths(job, sampling):
    settings = job.settings
    starts, ends = _ends(job)
    classes = _classes(job) or [None]
    return job.model.interpolate(
        starts,
        ends,
        classes[0],
        classes[-1],
        num_images=settings["num_images"],
        method=settings["method"],
        seed=settings["seed"],
        **sampling,
    )


def _square(job, sampling):
    return job.model.interpolate_grid(
        _points(job, 4) if not job.settings["fixed_latent"] else _points(job, 1, 4),
        _classes(job),
        num_rows=job.settings["num_images"],
        num_columns=job.settings["num_images"],
        seed=job.settings["seed"],
        **sampling,
    )


def _ends(job):
    """Latents of the starts and of the ends of all paths."""
    paths = _num_paths(job)
    points = _points(job, 2 * paths)
    return points[::2], points[::2] if job.settings["fixed_latent"] else points[1::2]


def _points(job, count, repeats=1):
    """Latents that the images of given seeds, or of one run, start from."""
    from keras_sphere.sampling import host_noise

    settings, shape = job.settings, job.description.latent_shape
    if settings["seeds"]:
        drawn = [host_noise(seed, [0], 0, shape)[0] for seed in settings["seeds"]]
        return np.stack(drawn)
    return np.repeat(host_noise(settings["seed"], range(count), 0, shape), repeats, 0)


def _classes(job):
    classes = job.classes("classes")
    if classes == "none":
        return None
    return classes[0] if len(classes) == 1 and _num_ends(job) == 4 else classes


def _num_ends(job):
    return 4 if job.settings["method"] == "blerp" else 2


def _num_paths(job):
    seeds = job.settings["seeds"]
    return len(seeds) // _num_ends(job) if seeds else job.settings["paths"]
