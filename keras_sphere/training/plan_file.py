"""`plan.json`: what a run folder is the training of, and whether it still is."""

import dataclasses
import importlib
import json
import logging
import platform

import keras

from keras_sphere.class_names import difference_of_names
from keras_sphere.files.atomic_file import replace_when_done
from keras_sphere.preset_files.recipe_schema import FIRST_RECIPE
from keras_sphere.preset_files.run_folders import PLAN_FILE, flat
from keras_sphere.preset_files.schema import FIRST_METHOD
from keras_sphere.version import __version__

CLASS_NAMES = "architecture.class_names"
# A run that goes on may change these: what it learns stays the same,
HARMLESS = (
    "preset",  # all its numbers are compared
    "checkpoint_every_steps",
    "data_license",
    "keep",
    "log_images_every",
    "max_steps",
    "memorization_alarm",
    "save_ema",
    "tensorboard",
)
# or the same but for the last digits.
ROUNDING = ("deterministic", "jit_compile", "rematerialize_every")

logger = logging.getLogger("keras_sphere")


class PlanChangedError(ValueError):
    """A run is to go on by another plan than it was begun with."""


def write_plan(plan, folder, notes):
    """Writes the plan of a training, and what it runs on, as `plan.json`.

    Args:
        plan: `TrainingPlan`.
        folder: Path.
        notes: Dict of more to write, which `read_notes` returns.
    """
    content = {"plan": _plain(plan), "environment": _environment(), **notes}
    with replace_when_done(folder / PLAN_FILE) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_notes(folder):
    """What is noted beside the plan of a run.

    Args:
        folder: Path of the run folder.

    Returns:
        Dict of `chosen`, the options that were chosen from the images, and `before`,
        `steps` and `seconds` of the trainings that the run goes on with: dicts that
        are empty if there is nothing to note.
    """
    try:
        content = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
        return {name: dict(content.get(name) or {}) for name in ("chosen", "before")}
    except (OSError, ValueError, AttributeError, TypeError):
        return {"chosen": {}, "before": {}}


def check_same_plan(plan, folder):
    """Checks that a run is to go on as it was begun.

    Args:
        plan: `TrainingPlan`.
        folder: Path of the run folder.

    Raises:
        PlanChangedError: If a number differs on which the result depends.
        ValueError: If the folder holds checkpoints, but no plan that can be read.
    """
    path = folder / PLAN_FILE
    try:
        before = flat(json.loads(path.read_text(encoding="utf-8"))["plan"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must hold the plan of the training that the checkpoints beside it "
            f"are of. Received: {error!r}"
        ) from error
    now = flat(_plain(plan))
    before = {**(_earlier(now) if CLASS_NAMES in now else {}), **before}
    changed = {
        key: f"{key}: {before.get(key)!r} -> {now.get(key)!r}"
        for key in [*before, *(key for key in now if key not in before)]
        if before.get(key) != now.get(key)
    }
    if CLASS_NAMES in changed:
        names = difference_of_names(before[CLASS_NAMES], now[CLASS_NAMES])
        changed[CLASS_NAMES] = f"{CLASS_NAMES}: {names}"
    refused = [
        text for key, text in changed.items() if key not in (*HARMLESS, *ROUNDING)
    ]
    if refused:
        raise PlanChangedError(
            f"The training in {folder} was begun by another plan: what it learns would "
            "be that of neither. Go on with the flags of before, or choose another "
            f"output_dir. Received, before -> now: {'; '.join(refused)}"
        )
    for key in ROUNDING:
        if key in changed:
            logger.warning(
                "%s: from here on the last digits may differ from those of an unbroken "
                "run.",
                changed[key],
            )


def _earlier(now):
    """What a plan meant before it could say: the first method, nameless classes."""
    method = {"architecture": FIRST_METHOD, "objective": FIRST_RECIPE}
    return {CLASS_NAMES: now[CLASS_NAMES], **flat(method)}


def _plain(plan):
    """The plan as JSON gives it back: tuples are lists there."""
    return json.loads(json.dumps(dataclasses.asdict(plan), allow_nan=False))


def _environment():
    """Backend, versions and machine, for the record."""
    backend = keras.backend.backend()
    return {
        "backend": backend,
        "versions": {
            "python": platform.python_version(),
            "keras_sphere": __version__,
            "keras": keras.__version__,
            backend: str(importlib.import_module(backend).__version__),
        },
        "platform": platform.platform(),
    }
