"""Any number of generated images into files, a batch in memory at a time."""

import itertools
import json
import pathlib

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.npz_stream import NpzStream
from keras_sphere.command_line.numbered_images import NumberedImages
from keras_sphere.command_line.picture_task import (
    find_source,
    load,
    prepare,
    settings_of,
)
from keras_sphere.command_line.png_folder import PngFolder
from keras_sphere.command_line.progress import ProgressBar
from keras_sphere.command_line.text_forms import parse_ranges
from keras_sphere.models.chunks import one_ahead

# These change how the work is done, not what an image is.
_NOT_THE_RUN = ("numbers", "captions", "scale", "columns")


def stream(request, plan):
    """Makes what is missing of a folder of PNG files or an .npz file.

    A run that was interrupted or killed goes on where it was. Its settings are kept
    beside the images: going on with others is refused, and a seed that was drawn at
    random is taken up again.

    Args:
        request: `Request` of the task `generate`.
        plan: Callable that checks a `Job`.

    Raises:
        ValueError: If the settings are not those that the run began with.
        FileExistsError: If a file is there that is no part of such a run.
    """
    settings = request.settings
    store = _store(settings)
    begun = store.settings()
    if begun is not None and settings["seed"] is None:
        settings["seed"] = begun["flags"].get("seed")
    source = find_source(request)
    job, inputs = prepare(request, source)
    plan(job)
    sampling = _one_way(job)
    record = settings_of(request, job, source, inputs)
    _check_same(begun, run_settings(record), settings["output"])
    numbers = parse_ranges(job.settings["numbers"], job.settings["num_images"])
    missing = store.begin(run_settings(record), job, numbers)
    print(f"{len(numbers) - len(missing)} of {len(numbers)} images are there.")
    if missing:
        job.model = load(request, source)
        images = NumberedImages(job, sampling, job.settings["seed"])
        _fill(store, images, missing, record)
    store.finish()
    print(f"Wrote {settings['output']}")


def _fill(store, images, missing, record):
    """Makes what is missing: noise is drawn one batch ahead, files lag one behind."""
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
        return NpzStream(path, settings["overwrite"])
    if path.suffix:
        raise UsageError(
            "--output must be a picture .png, an .npz file, or a folder, whose name "
            f"has no dot. Received: output={path}"
        )
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
