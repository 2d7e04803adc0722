"""Any number of generated images into files, a batch in memory at a time."""

import functools
import itertools
import json
import pathlib

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.npz_stream import NpzStream
from keras_sphere.command_line.output_file import check_place
from keras_sphere.command_line.picture_task import (
    find_source,
    give_model,
    prepare,
    settings_of,
)
from keras_sphere.command_line.png_folder import PngFolder
from keras_sphere.command_line.progress import ProgressBar
from keras_sphere.command_line.text_forms import parse_ranges
from keras_sphere.optional_imports import check_installed
from keras_sphere.visualization.image_grid import PACKAGE as WRITING

# These change how the work is done, not what an image is.
_NOT_THE_RUN = ("numbers", "captions", "scale", "columns")
# What a run that goes on takes from its beginning, where it is not given.
_TAKEN_UP = ("seed", "classes", "num_images")


def prepare_stream(request, plan):
    """Begins a folder of PNG files or an .npz file; returns what makes the images.

    A run that was interrupted or killed goes on where it was. Its settings are kept
    beside the images: going on with others is refused, and a seed that was drawn at
    random is taken up again.

    Args:
        request: `Request` of the task `generate`.
        plan: Callable that checks a `Job`.

    Returns:
        Callable without arguments.

    Raises:
        ValueError: If the settings are not those that the run began with.
        FileExistsError: If a file is there that is no part of such a run.
    """
    settings = request.settings
    store = _store(settings)
    begun = store.settings()
    for name in _TAKEN_UP if begun is not None else ():
        if settings[name] is None:
            settings[name] = begun["flags"].get(name)
    source = find_source(request)
    job, inputs = prepare(request, source)
    plan(job)
    sampling = _one_way(job)
    record = settings_of(request, job, source, inputs)
    _check_same(begun, run_settings(record), settings["output"])
    numbers = parse_ranges(job.settings["numbers"], job.settings["num_images"])
    missing = store.begin(run_settings(record), job, numbers)
    print(f"{len(numbers) - len(missing)} of {len(numbers)} images are there.")
    return functools.partial(
        _finish, request, job, source, sampling, store, missing, record
    )


def _finish(request, job, source, sampling, store, missing, record):
    if missing:
        give_model(job, request, source)
        _fill(job, sampling, store, missing, record)
    store.finish()
    print(f"Wrote {request.settings['output']}")


def _fill(job, sampling, store, missing, record):
    """Makes what is missing: noise is drawn one batch ahead, files lag one behind."""
    from keras_sphere.command_line.numbered_images import NumberedImages
    from keras_sphere.models.chunks import one_ahead

    images = NumberedImages(job, sampling, job.settings["seed"])
    batches = list(images.batches(missing))

    def add(batch_and_made):
        batch, made = batch_and_made
        store.add(batch, made, [images.label(number) for number in batch], record)
        return len(batch)

    made = map(images.make_batch, one_ahead(images.prepare_batch, batches))
    progress = ProgressBar(len(missing))
    for count in one_ahead(add, zip(batches, made, strict=True)):
        progress.add(count)
    progress.close()


def run_settings(record):
    """What must be the same when a run goes on, as JSON would give it back."""
    content = json.loads(json.dumps(record.__dict__))
    for name in _NOT_THE_RUN:
        content["flags"].pop(name, None)
    return content


def _store(settings):
    path = pathlib.Path(settings["output"])
    if path.suffix.lower() == ".npz":
        if settings["numbers"]:
            raise UsageError("--numbers is for folders and pictures, not for .npz.")
        check_place(path)
        return NpzStream(path, settings["overwrite"])
    if path.suffix:
        raise UsageError(
            "--output must be a picture .png, an .npz file, or a folder, whose name "
            f"has no dot. Received: output={path}"
        )
    check_installed(*WRITING)
    check_place(path / "any")
    return PngFolder(path)


def _one_way(job):
    """The keyword arguments of generation, of which files take one set."""
    panels = list(itertools.chain(*job.panels))
    if len(panels) > 1 or job.settings["seeds"] or job.settings["show_steps"]:
        raise UsageError(
            "Several steps, guidance scales or seeds, and --show_steps, are for one "
            "picture: give --output a name that ends in .png."
        )
    return panels[0]


def _check_same(begun, now, output):
    if begun is None or begun == now:
        return
    keys = {**begun, **begun["flags"]}, {**now, **now["flags"]}
    changed = [
        f"{key} was {keys[0].get(key)!r}, is {keys[1].get(key)!r}"
        for key in sorted({*keys[0], *keys[1]} - {"flags"})
        if keys[0].get(key) != keys[1].get(key)
    ]
    raise ValueError(
        f"{output} was begun with other settings: {'; '.join(changed)}. Give those, or "
        "another --output"
    )
