"""Going on with a training that is finished, for some more time."""

import dataclasses
import json

from keras_sphere.preset_files.folder import CONFIG, read_config
from keras_sphere.preset_files.run_folders import (
    CHECKPOINTS,
    PLAN_FILE,
    PRESET,
    SECONDS,
    STEPS,
)
from keras_sphere.readable import read_duration

_MOVED = (CHECKPOINTS, "pictures", "tensorboard", "log.csv", PLAN_FILE)


def go_on_if_finished(options):
    """What going on with a finished run means: to begin with what it learned.

    Nothing is changed yet: see `move_aside`. A run that is not finished goes on first.

    Args:
        options: `TrainingOptions` with `continue_for`.

    Returns:
        Pair of `TrainingOptions` of the new training, and of what was trained before:
        a dict of `steps` and `seconds`, `None` if the run is not finished.

    Raises:
        ValueError: If there is no run in the folder, or a preset is chosen.
    """
    seconds = read_duration("continue_for", options.continue_for)
    folder = options.output_dir
    if options.preset is not None or options.init_from is not None:
        raise ValueError(
            "What goes on is the model of the run, for as long as `continue_for` says: "
            "leave `preset` and `init_from` out. Received: "
            f"preset={options.preset!r}, init_from={options.init_from!r}"
        )
    if not (folder / PRESET / CONFIG).is_file():
        if (folder / PLAN_FILE).is_file():
            print("The run is not finished: it goes on to its end first.")
            return options, None
        raise ValueError(
            "There is no run to go on with in this folder. Received: "
            f"output_dir={str(folder)!r}, continue_for={options.continue_for!r}"
        )
    notes = read_config(folder / PRESET)["recipe"]["training"]
    before = {"steps": notes.get(STEPS, 0), "seconds": notes.get(SECONDS, 0.0)}
    if _is_under_way(folder, before["steps"]):
        print("The run went on already, and is not finished: it goes on to its end.")
        return options, None
    return (
        dataclasses.replace(
            options, init_from=str(folder / PRESET), hours=seconds / 3600
        ),
        before,
    )


def _is_under_way(folder, steps):
    """Whether the plan in a folder reaches beyond the steps of its preset."""
    try:
        content = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
        plan, before = content["plan"], content.get("before", {"steps": 0})
        planned = plan["epochs"] * plan["steps_per_epoch"]
        planned = min(planned, plan["max_steps"] or planned)
        return before["steps"] + planned > steps
    except (OSError, ValueError, KeyError, TypeError):
        return False


def move_aside(folder):
    """Makes room in the folder of a finished run for the training that goes on.

    Its files move to a folder `before-1`, or a later number, but for its preset, which
    stays in use, and which the training begins with.

    Args:
        folder: `pathlib.Path` of the run.
    """
    number = 1
    while (folder / f"before-{number}").exists():
        number += 1
    aside = folder / f"before-{number}"
    aside.mkdir()
    for name in _MOVED:
        if (folder / name).exists():
            (folder / name).rename(aside / name)
