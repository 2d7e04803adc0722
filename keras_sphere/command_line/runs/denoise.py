"""Noise removed by the model."""

import numpy as np

from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.command_line.restoration import (
    compare,
    plan_restoration,
    restoration_options,
)


def prepare(request):
    return prepare_picture(request, plan, draw)


def plan(job):
    """The file, with noise if it is to be added, and without."""
    return plan_restoration(job, columns=3)


def draw(job, sampling):
    from keras_sphere import editing
    from keras_sphere.editing.restoration import DENOISE_STRENGTHS

    sigma, images = job.settings["sigma"], job.images["image"]
    noisy, columns = images / 127.5 - 1.0, {}
    if job.settings["add_noise"]:
        columns["image"] = images
        noisy = noisy + sigma * _noise(job, noisy.shape)
    columns["noisy"] = np.clip(noisy, -1.0, 1.0)
    columns["denoised"] = editing.denoise(
        job.model,
        noisy.astype("float32"),
        sigma,
        prior_deviation=job.settings["prior_deviation"],
        blur_deviation=job.settings["blur_deviation"],
        **restoration_options(job, DENOISE_STRENGTHS),
        **sampling,
    )
    return compare(columns, job.caption(sampling))


def _noise(job, shape):
    """Normal noise that depends on the seed and the place of an image alone."""
    seed = job.settings["seed"]
    generators = [np.random.default_rng([seed, place]) for place in range(shape[0])]
    return np.stack([generator.standard_normal(shape[1:]) for generator in generators])
