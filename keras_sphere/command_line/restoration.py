"""What the tasks of restoration have in common."""

import numpy as np

from keras_sphere.command_line.job import check_classes
from keras_sphere.metrics import psnr
from keras_sphere.visualization import Panel
from keras_sphere.visualization.image_grid import to_uint8


def plan_restoration(job, columns):
    """Checks the classes.

    Args:
        job: `Job`.
        columns: Integer. Images that a row shows.

    Returns:
        Integer. Images that a panel shows.
    """
    count = len(job.images["image"])
    check_classes(job, "label", count)
    return count * columns


def restoration_options(job, strengths):
    """Keyword arguments of all functions of `editing.restoration`.

    Args:
        job: `Job`, in whose settings the strengths are filled in.
        strengths: Sequence of floats: the default of the task.
    """
    if job.settings["strengths"] is None:
        job.settings["strengths"] = list(strengths)
    return {
        "labels": job.labels(count=len(job.images["image"])),
        "strengths": job.settings["strengths"],
        "num_samples": job.settings["num_samples"],
        "seed": job.settings["seed"],
    }


def compare(columns, caption, row_names=()):
    """A panel of columns by name; prints the PSNR of each against the first one.

    Args:
        columns: Dict of name -> images, uint8 or float in [-1, 1]; `"image"`, if it
            is there, is what the others are measured against.
        caption: String.
        row_names: Sequence of strings, one for each image, or none.
    """
    columns = {name: to_uint8(images) for name, images in columns.items()}
    if "image" in columns:
        truth = columns["image"] / 255.0
        for name, images in columns.items():
            if name != "image":
                mean = float(np.mean(psnr(truth, images / 255.0, max_value=1.0)))
                print(f"{f'{caption}: ' if caption else ''}{name}: PSNR {mean:.1f} dB")
    table = np.stack(list(columns.values()), axis=1)
    return Panel(table, row_names, list(columns), caption)
