"""Encodes images and decodes them."""

import numpy as np

from keras_sphere.command_line.job import check_classes
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.metrics import psnr
from keras_sphere.visualization import Panel
from keras_sphere.visualization.image_grid import to_uint8


def prepare(request):
    return prepare_picture(request, plan, draw)


def plan(job):
    """Checks the classes; an image is shown beside each strength."""
    count = len(job.images["image"])
    check_classes(job, "label", count)
    return count * (1 + len(job.settings["strength"]))


def draw(job, weights):
    """Each image, and what the model makes of it at each strength of noise."""
    images = job.images["image"]
    columns = {"image": images}
    for strength in job.settings["strength"]:
        decoded = job.model.reconstruct(
            images,
            job.labels(count=len(images)),
            strength=strength,
            seed=job.settings["seed"],
            **weights,
        )
        columns[f"noise {strength:g}" if strength else "decoded"] = to_uint8(decoded)
        values = psnr(images / 255.0, to_uint8(decoded) / 255.0, max_value=1.0)
        print(f"Noise {strength:g}: PSNR {', '.join(f'{v:.1f}' for v in values)} dB")
    return Panel(np.stack(list(columns.values()), axis=1), (), list(columns))
