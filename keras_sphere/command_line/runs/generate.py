"""Generates images: one picture, or any number of files."""

import pathlib

import numpy as np

from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.image_classes import class_list, subject_of
from keras_sphere.command_line.image_streams import prepare_stream
from keras_sphere.command_line.job import check_classes, class_text
from keras_sphere.command_line.picture_task import prepare_picture
from keras_sphere.command_line.prompts import check_prompts
from keras_sphere.command_line.text_forms import parse_ranges
from keras_sphere.visualization import Panel

IMAGES_PER_CLASS = 8
# Without --classes: of more classes than so many, only some, with fewer images each.
MOST_CLASSES, IMAGES_OF_MANY = 16, 4


def prepare(request):
    """A `.png` is one picture of all; anything else is streamed."""
    output = request.settings["output"]
    if output is None or pathlib.Path(output).suffix.lower() == ".png":
        return prepare_picture(request, plan, draw, image_flags=())
    return prepare_stream(request, plan)


def plan(job):
    """Fills in classes and number of images, and says how many a panel shows."""
    settings = job.settings
    check_prompts(job)
    if settings["classes"] is None:
        _choose_classes(job)
    check_classes(job, "classes")
    job.class_mix()
    if settings["class_mix"] and settings["classes"] != "none":
        raise UsageError("Give --classes or --class_mix, not both.")
    if settings["seeds"] and settings["numbers"]:
        raise UsageError("Give --seeds or --numbers, not both.")
    if settings["num_images"] is None:
        vectors = 1 if job.vectors is None else len(job.vectors)
        count = vectors * max(len(class_list(job)), 1)
        settings["num_images"] = IMAGES_PER_CLASS * count
    count = len(parse_ranges(settings["numbers"], settings["num_images"]))
    shown = max(settings["steps"]) if settings["show_steps"] else 1
    return count * len(_seeds(job)) * shown


def _choose_classes(job):
    """All classes, or some of many, in place of none; the terminal says so."""
    settings, total = job.settings, job.description.num_classes
    if not total or settings["class_mix"] or job.vectors is not None:
        settings["classes"] = "none"
        return
    settings["classes"], chosen = "all", f"all {total} classes"
    if settings["num_images"] is None:
        count = min(total, MOST_CLASSES)
        each = IMAGES_PER_CLASS if total <= MOST_CLASSES else IMAGES_OF_MANY
        each = 1 if settings["show_steps"] else each
        settings["num_images"] = count * each
        if total > MOST_CLASSES:
            ids = [place * total // count for place in range(count)]
            settings["classes"] = [class_text(i, job.description) for i in ids]
            chosen = f"{count} of {total:,} classes"
    print(
        f"Without --classes: {chosen}, {settings['num_images']} images. Others: "
        "--classes=3,7 (names or ids), --classes=none for no class."
    )


def draw(job, sampling):
    """All images, by class or as they come; or every step of each."""
    numbers = parse_ranges(job.settings["numbers"], job.settings["num_images"])
    panels = [_of_seed(job, sampling, seed, numbers) for seed in _seeds(job)]
    images = np.concatenate([panel.images for panel in panels])
    names = [name for panel in panels for name in panel.row_names]
    return Panel(images, names, panels[0].column_names, job.caption(sampling))


def _of_seed(job, sampling, seed, numbers):
    from keras_sphere.command_line.numbered_images import NumberedImages

    made = NumberedImages(job, sampling, seed)
    prefix = f"seed {seed}" if len(_seeds(job)) > 1 else ""
    subjects = [subject_of(job, number, seed) for number in numbers]
    if job.settings["show_steps"]:
        images = made.make(numbers, return_steps=True).swapaxes(0, 1)
        names = [
            _name(prefix, subject, number)
            for number, subject in zip(numbers, subjects, strict=True)
        ]
        return Panel(images, names, [f"step {t + 1}" for t in range(images.shape[1])])
    images = made.make(numbers)
    columns = _columns(job, subjects)
    rows = -(-len(images) // columns)
    padded = np.full((rows * columns, *images.shape[1:]), 255, "uint8")
    padded[: len(images)] = images
    firsts = subjects[::columns]
    uniform = all(
        len(set(subjects[i * columns : (i + 1) * columns])) == 1 for i in range(rows)
    )
    names = [_name(prefix, subject if uniform else None) for subject in firsts]
    if not any(names):
        names = []
    return Panel(padded.reshape(rows, columns, *images.shape[1:]), names)


def _columns(job, subjects):
    """Images per row: those of a subject, if all subjects have as many."""
    keys = [-1 if subject is None else subject.key for subject in subjects]
    if job.settings["columns"]:
        return min(job.settings["columns"], len(keys))
    counts = {keys.count(key) for key in set(keys)}
    if len(counts) == 1 and len(set(keys)) > 1 and keys == sorted(keys):
        return counts.pop()
    return min(len(keys), IMAGES_PER_CLASS)


def _name(prefix, subject, number=None):
    words = [prefix] if prefix else []
    if subject is not None:
        words.append(subject.text)
    elif number is not None and not prefix:
        words.append(f"image {number}")
    return ", ".join(words)


def _seeds(job):
    return job.settings["seeds"] or [job.settings["seed"]]
