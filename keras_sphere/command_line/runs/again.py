"""Makes a picture again from the settings in its file."""

import dataclasses
import pathlib

from keras_sphere.backend.selection import selected_backend
from keras_sphere.command_line.errors import UsageError
from keras_sphere.command_line.parsing import as_words, find_task, parse
from keras_sphere.command_line.picture_settings import read_picture_settings
from keras_sphere.command_line.picture_task import NOT_RECORDED

HUB = "hf://"


def prepare(request):
    """Writes NAME_again beside the picture, or to `--output`."""
    settings = request.settings
    picture = pathlib.Path(settings["picture"])
    recorded = read_picture_settings(picture)
    task = find_task(recorded.task)
    _check_flags(task, recorded, picture)
    flags = dict(recorded.flags)
    if settings["preset"]:
        flags["preset"] = settings["preset"]
    elif flags["preset"].startswith(HUB):
        raise UsageError(
            f"The picture names a preset of the network. If you trust it, add "
            f"--preset={flags['preset']}"
        )
    output = settings["output"] or picture.with_stem(f"{picture.stem}_again")
    new = parse(task, as_words(task, flags), request.load_model)
    new.settings.update(output=str(output), overwrite=settings["overwrite"])
    finish = task.prepare(dataclasses.replace(new, recorded=recorded))
    if recorded.backend != selected_backend():
        print(
            f"The picture was made on {recorded.backend}; on {selected_backend()} "
            "pixels may differ by rounding."
        )
    return finish


def _check_flags(task, recorded, picture):
    """Only flags that a picture records may be in it, and those all tasks have."""
    known = set(task.flag_values()) - set(NOT_RECORDED)
    unknown = set(recorded.flags) - known
    if unknown or task.name == "again" or not {"preset", "seed"} & known:
        raise ValueError(
            f"{picture} must record flags of the task {task.name}. "
            f"Received: {sorted(recorded.flags)}"
        )
    if not isinstance(recorded.flags.get("preset"), str):
        raise ValueError(f"{picture} must record its preset. Received: none")
