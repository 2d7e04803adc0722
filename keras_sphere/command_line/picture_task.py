"""The way of every task that writes one picture."""

import functools
import random

from keras_sphere.command_line.image_files import read_images
from keras_sphere.command_line.job import Job, resolved
from keras_sphere.command_line.model_source import ModelSource
from keras_sphere.command_line.output_file import check_output
from keras_sphere.command_line.picture_layout import check_size, lay_out
from keras_sphere.command_line.picture_settings import PictureSettings
from keras_sphere.command_line.recorded_files import checksums
from keras_sphere.command_line.refiner_flag import check_refiner, load_refiner
from keras_sphere.optional_imports import check_installed
from keras_sphere.visualization import save_animation, save_image
from keras_sphere.visualization.image_grid import PACKAGE as WRITING

# Where and whether to write says nothing about the picture itself.
NOT_RECORDED = ("output", "overwrite", "compilation_cache")
SEED_BITS = 32


def prepare_picture(request, plan, draw, image_flags=("image",), image_side=None):
    """Checks everything; returns what loads the model, draws and writes a picture.

    Args:
        request: `Request`.
        plan: Callable of a `Job` without model that checks what only the task knows
            and returns how many images one panel shows.
        draw: Callable of a `Job` and the keyword arguments of the sampling loop
            (none for tasks without) that returns a `Panel`.
        image_flags: Tuple of names of flags that hold files of images.
        image_side: Callable of settings and `ModelDescription` that returns the size
            of the images to read, or `None` for the model's.

    Returns:
        Callable without arguments.

    Raises:
        ValueError: If anything is out of range or a file is not what it must be.
        FileExistsError: If the picture exists and may not be replaced.
        ImportError: If the package that writes pictures is not installed.
    """
    output = _output(request)
    check_installed(*WRITING)
    source = find_source(request)
    job, inputs = prepare(request, source, image_flags, image_side)
    count = plan(job) * sum(map(len, job.panels))
    check_size(count, request.settings, source.description)
    return functools.partial(_finish, request, job, source, inputs, draw, output)


def _finish(request, job, source, inputs, draw, output):
    give_model(job, request, source)
    drawn = [[draw(job, sampling) for sampling in row] for row in job.panels]
    picture = lay_out(drawn, job.settings, source.description)
    text = settings_of(request, job, source, inputs).as_text()
    if picture.ndim == 4:
        save_animation(output, picture, job.settings["milliseconds"], text)
    else:
        save_image(output, picture, text)
    print(f"Wrote {output}")


def find_source(request):
    """The `ModelSource`, which must be the recorded one if there is a record."""
    recorded = request.recorded
    return ModelSource(
        request.settings["preset"], recorded.weights_sha256 if recorded else None
    )


def prepare(request, source, image_flags=(), image_side=None):
    """Resolves settings and reads files; see `prepare_picture`.

    Returns:
        Pair of a `Job` and a dict of path -> checksum of every file that was read.
    """
    description = source.description
    settings = resolved(request.settings, description, random.getrandbits(SEED_BITS))
    side = image_side(settings, description) if image_side else description.image_size
    paths = {name: settings[name] for name in image_flags if settings[name]}
    inputs = checksums(
        [
            *(path for name in paths for path in _as_list(paths[name])),
            *check_refiner(settings.get("refiner"), source),
            *_as_list(settings.get("embeddings") or []),
        ],
        request.recorded,
    )
    images = {
        name: read_images(
            _as_list(value), side, description.num_channels, settings["fit"]
        )
        for name, value in paths.items()
    }
    return Job(settings, description, images), inputs


def give_model(job, request, source):
    """Loads the model, by whatever the request says, and a refiner if one is named."""
    load = request.load_model
    job.model = load(source) if load else source.load()
    job.refiner = load_refiner(job.settings.get("refiner"), job.model)


def settings_of(request, job, source, inputs):
    """What the picture's file says of itself."""
    flags = {
        name: value
        for name, value in job.settings.items()
        if name not in NOT_RECORDED and value is not None
    }
    return PictureSettings(request.task.name, source.weights_sha256, flags, inputs)


def _output(request):
    settings = request.settings
    animated = settings.get("layout") == "animation"
    default = f"{request.task.name}.{'gif' if animated else 'png'}"
    return check_output(
        settings["output"] or default,
        (".gif", ".png") if animated else (".png",),
        settings["overwrite"],
    )


def _as_list(value):
    return value if isinstance(value, list) else [value]
