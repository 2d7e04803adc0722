"""What the folder of a training run is made of, and the preset that it offers."""

import csv
import json
import pathlib

from keras_sphere.preset_files.folder import CONFIG, read_config

PLAN_FILE, LOG_FILE = "plan.json", "log.csv"
CHECKPOINTS, PRESET, PRESET_EMA = "checkpoints", "preset", "preset_ema"
# Among the notes of a preset: how long it was trained.
STEPS, SECONDS = "steps", "seconds_trained"


def is_run_folder(folder):
    """Whether a folder is that of a run of `training.train`, and no preset itself."""
    folder = pathlib.Path(folder)
    return (folder / PLAN_FILE).is_file() and not (folder / CONFIG).is_file()


def newest_preset(folder):
    """The folder of the preset of a run that was trained the most.

    It is that of the finished run, unless the run went on since; else that of the
    newest checkpoint. A checkpoint's folder is complete before it has its name, so a
    run that was killed, or is being trained at this moment, has one as well.

    Args:
        folder: String or path of a run.

    Returns:
        `pathlib.Path`.

    Raises:
        FileNotFoundError: If the run has left none yet.
    """
    folder = pathlib.Path(folder)
    checkpoints = sorted((folder / CHECKPOINTS).glob("checkpoint-*"))
    found = [path for path in checkpoints if (path / CONFIG).is_file()][-1:]
    if (folder / PRESET / CONFIG).is_file():
        found.append(folder / PRESET)
    if not found:
        why = (
            "its checkpoints are of an earlier version, which kept no presets with them"
            if checkpoints
            else "it has no checkpoint yet"
        )
        raise FileNotFoundError(
            f"The training run in this folder has no model to use: {why}. Let it go on "
            "by the command that began it: each checkpoint, and the end, leave one. "
            f"Received: folder={str(folder)!r}"
        )
    return max(reversed(found), key=_steps)


def _steps(folder):
    steps = read_config(folder)["recipe"]["training"].get(STEPS)  # a note: anything
    return steps if isinstance(steps, int) else 0


def read_plan(path):
    """The plan of a run as one dict of dotted names.

    Args:
        path: Path of its `plan.json`.

    Raises:
        ValueError: If the file holds none.
        OSError: If it cannot be read.
    """
    try:
        return flat(json.loads(path.read_text(encoding="utf-8"))["plan"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} must hold the plan of a training. Received: {error!r}"
        ) from error


def flat(nested, prefix=""):
    """A nested dict as one of dotted names."""
    found = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = value
    return found


def read_log(path):
    """The rows of a run's log as dicts of strings; none if there is no file.

    Raises:
        ValueError: If the file is not such a table.
    """
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, restval=""))
    if not all((row.get("epoch") or "").isdecimal() for row in rows):
        raise ValueError(
            "A log must be a CSV table with a column `epoch` of integers. Choose "
            f"another path, or remove the file. Received: path={str(path)!r}"
        )
    return rows
